// The AWS SDK for JavaScript over TLS, trusting the development authority that the server printed and nothing else.
//
// In: TIDEWIRE_BIN; the server is the test's own. The SDK is told whom to trust as a program would be: by an agent's `ca`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const BINARY = process.env.TIDEWIRE_BIN;

function makeClient(endpoint, ca) {
  const credentials = { accessKeyId: "test", secretAccessKey: "secret" };
  const requestHandler = { httpsAgent: new Agent({ keepAlive: true, ca }) };
  return new SQSClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1, requestHandler });
}

describe("over TLS", { skip: BINARY ? false : "TIDEWIRE_BIN is not set" }, () => {
  let folder, server, endpoint, ca;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "tidewire-js-"));
    server = spawn(BINARY, ["dev", "--listen", "127.0.0.1:0", "--data-dir", folder], { stdio: ["ignore", "pipe", "ignore"] });
    for await (const line of createInterface({ input: server.stdout })) {
      endpoint ??= line.match(/listening on http:\/\/(\S+)/)?.[1];
      if (line === "Ready.") break;
    }
    ca = readFileSync(join(folder, "tls", "development-ca.pem"));
  });

  after(async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true });
  });

  test("a client that trusts the authority is served, and its queue URLs are https", async () => {
    const client = makeClient(`https://${endpoint}`, ca);
    const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: "over-tls" }));
    assert.equal(QueueUrl, `https://${endpoint}/000000000000/over-tls`);
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello" }));
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    assert.equal(Messages[0].Body, "hello");
    client.destroy();
  });

  test("a client that trusts somebody else sends nothing", async () => {
    const client = makeClient(`https://${endpoint}`, []);
    const refused = client.send(new CreateQueueCommand({ QueueName: "never" }));
    await assert.rejects(refused, { code: "SELF_SIGNED_CERT_IN_CHAIN" });
    client.destroy();
  });
});
