// A user of least privilege at `tidewire serve`, as the AWS SDK for JavaScript shows it to a program.
//
// In: TIDEWIRE_BIN; the server is the test's own. Users are made over the IAM API with the signer that the SDK itself uses, so
// that no second SDK package is needed. Source: IAM User Guide, "Troubleshoot access denied error messages".

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { CreateQueueCommand, ListQueuesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { SignatureV4 } from "@smithy/signature-v4";

const ROOT = { accessKeyId: "AKIAROOTOFTHEJSTESTS", secretAccessKey: "a-secret-of-this-test-and-nobody-elses" };
const REGION = "us-east-1";
let server, endpoint, folder;

const client = (credentials) => new SQSClient({ endpoint, region: REGION, credentials, maxAttempts: 1 });

/** The hash that the signer is handed. */
class Sha256 {
  constructor(secret) {
    this.hash = secret ? createHmac("sha256", secret) : createHash("sha256");
  }
  update(data) {
    this.hash.update(data);
  }
  async digest() {
    return new Uint8Array(this.hash.digest());
  }
}

/** Starts a server for use and waits until it says where it is. */
async function start() {
  folder = mkdtempSync(join(tmpdir(), "tidewire-js-"));
  const words = ["serve", "--listen", "127.0.0.1:0", "--data-dir", folder];
  const keys = { TIDEWIRE_ROOT_ACCESS_KEY_ID: ROOT.accessKeyId, TIDEWIRE_ROOT_SECRET_ACCESS_KEY: ROOT.secretAccessKey };
  server = spawn(process.env.TIDEWIRE_BIN, words, { env: { ...process.env, ...keys }, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const chunk of server.stdout) {
    said += chunk;
    if (said.includes("Ready.")) break;
  }
  endpoint = /listening on (http:\/\/\S+)/.exec(said)[1];
}

/** Asks IAM, signed by the root user. */
async function iam(parameters) {
  const { host } = new URL(endpoint);
  const [hostname, port] = host.split(":");
  const body = new URLSearchParams({ Version: "2010-05-08", ...parameters }).toString();
  const headers = { host, "content-type": "application/x-www-form-urlencoded" };
  const signer = new SignatureV4({ service: "iam", region: REGION, credentials: ROOT, sha256: Sha256 });
  const signed = await signer.sign({ method: "POST", protocol: "http:", hostname, port: Number(port), path: "/", query: {}, headers, body });
  const reply = await fetch(endpoint, { method: "POST", headers: signed.headers, body });
  const text = await reply.text();
  assert.equal(reply.status, 200, text);
  return text;
}

/** A user with a policy. */
async function user(name, statement) {
  await iam({ Action: "CreateUser", UserName: name });
  const document = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  await iam({ Action: "PutUserPolicy", UserName: name, PolicyName: "own", PolicyDocument: document });
  const made = await iam({ Action: "CreateAccessKey", UserName: name });
  const part = (element) => new RegExp(`<${element}>([^<]+)</${element}>`).exec(made)[1];
  return { accessKeyId: part("AccessKeyId"), secretAccessKey: part("SecretAccessKey") };
}

describe("access", { skip: !process.env.TIDEWIRE_BIN && "TIDEWIRE_BIN names no binary" }, () => {
  before(start);
  after(async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const gone = once(server, "exit");
      server.kill("SIGTERM");
      await gone; // Until then it writes into its folder.
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test("a user does what it may and is told what it may not", async () => {
    const { QueueUrl } = await client(ROOT).send(new CreateQueueCommand({ QueueName: "jobs" }));
    const arn = `arn:aws:sqs:${REGION}:000000000000:jobs`;
    const sender = client(await user("sender", { Effect: "Allow", Action: "sqs:SendMessage", Resource: arn }));
    await sender.send(new SendMessageCommand({ QueueUrl, MessageBody: "m" }));
    await assert.rejects(sender.send(new ReceiveMessageCommand({ QueueUrl })), (error) => {
      assert.match(error.message, /is not authorized to perform: sqs:receivemessage on resource: .*:jobs because no identity-based policy/);
      assert.match(`${error.name} ${error.Error?.Code}`, /AccessDenied/);
      assert.equal(error.$metadata.httpStatusCode, 403);
      return true;
    });
  });

  test("who did not sign right is told so", async () => {
    const guessed = client({ ...ROOT, secretAccessKey: "guessed" });
    await assert.rejects(guessed.send(new ListQueuesCommand({})), /signature we calculated does not match/);
    const nobody = client({ accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "guessed" });
    await assert.rejects(nobody.send(new ListQueuesCommand({})), /security token included in the request is invalid/);
  });
});
