// What both files here need: the SDK's client, queues, and a consumer that runs until something has happened.
//
// In: TIDEWIRE_ENDPOINT. Invariant: every consumer is stopped, whether its test passed or not.

import { once } from "node:events";
import { randomUUID } from "node:crypto";
import * as sqs from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";

const endpoint = process.env.TIDEWIRE_ENDPOINT ?? "http://127.0.0.1:4566";
const credentials = { accessKeyId: "test", secretAccessKey: "secret" };

export const client = new sqs.SQSClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
export const call = (operation, input) => client.send(new sqs[`${operation}Command`](input));

export async function makeQueue(Attributes = {}, suffix = "") {
  const QueueName = `consumer-${randomUUID().slice(0, 13)}${suffix}`;
  return (await call("CreateQueue", { QueueName, Attributes })).QueueUrl;
}

export const send = (QueueUrl, MessageBody, rest = {}) => call("SendMessage", { QueueUrl, MessageBody, ...rest });

export async function attribute(QueueUrl, name) {
  return (await call("GetQueueAttributes", { QueueUrl, AttributeNames: [name] })).Attributes[name];
}

export async function counts(QueueUrl) {
  const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
  return (await Promise.all(names.map((name) => attribute(QueueUrl, name)))).map(Number);
}

/**
 * Runs a consumer until `until(note, consumer)` resolves; `handle` is what it does with messages, `options` all else. Returns
 * the events that it emitted, by name.
 */
export async function consume(queueUrl, options, until) {
  const consumer = Consumer.create({ queueUrl, sqs: client, waitTimeSeconds: 1, suppressFifoWarning: true, ...options });
  const events = [];
  for (const name of ["error", "processing_error", "message_received", "message_processed", "empty", "started", "stopped"]) {
    consumer.on(name, (...values) => events.push({ name, values }));
  }
  consumer.start();
  try {
    await until(consumer, events);
  } finally {
    if (consumer.status.isRunning) {
      consumer.stop({ abort: true });
    }
  }
  return events;
}

/** Waits for an event of a consumer, at most two minutes. */
export const happens = (consumer, name) => once(consumer, name, { signal: AbortSignal.timeout(120_000) });
