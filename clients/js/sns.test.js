// The validator that SNS's own documentation names, against notifications of tidewire: signatures of both versions.
//
// In: TIDEWIRE_BIN; the server is the test's own, since the validator fetches certificates over https alone and so has to trust the
// development authority, which node learns at its start: what validates is a process of its own.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CreateTopicCommand, PublishCommand, SNSClient, SetTopicAttributesCommand, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const BINARY = process.env.TIDEWIRE_BIN;
const HERE = dirname(fileURLToPath(import.meta.url));

// Prints what the validator says of each message on standard input. The host pattern is the validator's own option.
const VALIDATE = `
  import Validator from "sns-validator";
  import { readFileSync } from "node:fs";
  const validator = new Validator(/^127\\.0\\.0\\.1:\\d+$/, "utf8");
  for (const message of JSON.parse(readFileSync(0, "utf8"))) {
    await new Promise((next) => validator.validate(message, (error) => (console.log(error?.message ?? "valid"), next())));
  }
`;

describe("notifications", { skip: BINARY ? false : "TIDEWIRE_BIN is not set" }, () => {
  let folder, server, sns, sqs;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "tidewire-js-"));
    server = spawn(BINARY, ["dev", "--listen", "127.0.0.1:0", "--data-dir", folder], { stdio: ["ignore", "pipe", "ignore"] });
    let endpoint;
    for await (const line of createInterface({ input: server.stdout })) {
      endpoint ??= line.match(/listening on http:\/\/(\S+)/)?.[1];
      if (line === "Ready.") break;
    }
    const settings = { region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "secret" }, maxAttempts: 1 };
    sns = new SNSClient({ ...settings, endpoint: `http://${endpoint}` });
    sqs = new SQSClient({ ...settings, endpoint: `http://${endpoint}` });
  });

  after(async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true });
  });

  // What stands in the queue of a new topic after a message was published.
  async function notification(name, version, message) {
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: name }));
    await sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName: "SignatureVersion", AttributeValue: version }));
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: Attributes.QueueArn }));
    await sns.send(new PublishCommand({ TopicArn, ...message }));
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    return JSON.parse(Messages[0].Body);
  }

  // What a fresh process that trusts the server's authority says of them. The scheme of a certificate's address is the publisher's.
  function validated(messages) {
    const input = JSON.stringify(messages.map((one) => ({ ...one, SigningCertURL: one.SigningCertURL.replace("http:", "https:") })));
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, "tls", "development-ca.pem") };
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", VALIDATE], { cwd: HERE, env, input });
    return output.toString().trim().split("\n");
  }

  test("are accepted by sns-validator, and not when a word of them is another", async () => {
    const one = await notification("one", "1", { Message: "hello \u00e9\n\"you\"", Subject: "News" });
    const two = await notification("two", "2", { Message: "hello" });
    assert.deepEqual([one.SignatureVersion, two.SignatureVersion], ["1", "2"]);
    const forged = [{ ...one, Message: "hullo" }, { ...two, SignatureVersion: "1" }];
    const invalid = "The message signature is invalid.";
    assert.deepEqual(validated([one, two, ...forged]), ["valid", "valid", invalid, invalid]);
  });
});
