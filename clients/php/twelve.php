<?php

// The twelve (xtask/src/test/twelve.rs) with AsyncAws for PHP, which speaks the query form to SQS in this version.
//
// In: TIDEWIRE_ENDPOINT. Out: a line for each of the twelve. It has no operations for tags of a queue that exists, for sources
// of dead letters and for message move tasks; tags can be given when a queue is created, but not read.

declare(strict_types=1);

use AsyncAws\Core\Exception\Http\HttpException;
use AsyncAws\Sqs\Exception\QueueDoesNotExistException;
use AsyncAws\Sqs\Exception\QueueNameExistsException;
use AsyncAws\Sqs\Exception\ReceiptHandleIsInvalidException;
use AsyncAws\Sqs\SqsClient;

require_once 'AsyncAws/Sqs/autoload.php';
require_once 'Symfony/Component/HttpClient/autoload.php';

const BODY = 'tide <wire> & "all" ✓';

final class Absent extends Exception
{
}

function client(): SqsClient
{
    static $client;

    return $client ??= new SqsClient([
        'endpoint' => getenv('TIDEWIRE_ENDPOINT'),
        'region' => 'us-east-1',
        'accessKeyId' => 'test',
        'accessKeySecret' => 'secret',
    ]);
}

function equal($got, $expected): void
{
    if ($got !== $expected) {
        throw new Exception('expected ' . json_encode($expected) . ', got ' . json_encode($got));
    }
}

function makeQueue(array $attributes = [], string $suffix = ''): string
{
    $name = 'twelve-' . bin2hex(random_bytes(6)) . $suffix;

    return client()->createQueue(['QueueName' => $name, 'Attributes' => $attributes])->getQueueUrl();
}

function nameOf(string $url): string
{
    return substr($url, strrpos($url, '/') + 1);
}

function receive(string $url, int $wait = 2): array
{
    return client()->receiveMessage([
        'QueueUrl' => $url,
        'MaxNumberOfMessages' => 10,
        'WaitTimeSeconds' => $wait,
        'AttributeNames' => ['All'],
        'MessageAttributeNames' => ['All'],
    ])->getMessages();
}

function one(string $url)
{
    $messages = receive($url);
    equal(count($messages), 1);

    return $messages[0];
}

function send(string $url, string $body, array $more = [])
{
    $sent = client()->sendMessage(['QueueUrl' => $url, 'MessageBody' => $body] + $more);
    $sent->resolve();

    return $sent;
}

function giveBack(string $url, $message): void
{
    $handle = $message->getReceiptHandle();
    client()->changeMessageVisibility(['QueueUrl' => $url, 'ReceiptHandle' => $handle, 'VisibilityTimeout' => 0])->resolve();
}

function attribute(string $url, string $name): ?string
{
    return client()->getQueueAttributes(['QueueUrl' => $url, 'AttributeNames' => [$name]])->getAttributes()[$name] ?? null;
}

function counts(string $url): array
{
    return [attribute($url, 'ApproximateNumberOfMessages'), attribute($url, 'ApproximateNumberOfMessagesNotVisible')];
}

function bodies(array $messages): array
{
    return array_map(fn ($message) => $message->getBody(), $messages);
}

function refusedWith(string $exception, callable $call): void
{
    try {
        $call();
    } catch (HttpException $refused) {
        equal(get_class($refused), $exception);

        return;
    }
    throw new Exception("$exception was expected, but it was accepted");
}

$checks = [
    'create' => function () {
        $url = makeQueue(['VisibilityTimeout' => '7']);
        equal(client()->getQueueUrl(['QueueName' => nameOf($url)])->getQueueUrl(), $url);
        $listed = client()->listQueues(['QueueNamePrefix' => nameOf($url)])->getQueueUrls();
        equal(iterator_to_array($listed, false), [$url]);
        equal(attribute($url, 'VisibilityTimeout'), '7');
    },
    'send' => function () {
        $url = makeQueue();
        $sent = send($url, BODY);
        equal($sent->getMD5OfMessageBody(), md5(BODY));
        $message = one($url);
        equal([$message->getMessageId(), $message->getBody()], [$sent->getMessageId(), BODY]);
    },
    'attributes' => function () {
        $url = makeQueue();
        $sent = send($url, 'x', ['MessageAttributes' => [
            'kind' => ['DataType' => 'String', 'StringValue' => 'a<b>&c'],
            'number' => ['DataType' => 'Number', 'StringValue' => '12.5'],
            'raw' => ['DataType' => 'Binary', 'BinaryValue' => "\x00\xff\x07"],
        ]]);
        $message = one($url);
        $found = $message->getMessageAttributes();
        equal([$found['kind']->getStringValue(), $found['number']->getStringValue()], ['a<b>&c', '12.5']);
        equal(bin2hex($found['raw']->getBinaryValue()), '00ff07');
        equal($message->getMD5OfMessageAttributes(), $sent->getMD5OfMessageAttributes());
    },
    'batch' => function () {
        $url = makeQueue();
        $entries = array_map(fn ($id) => ['Id' => $id, 'MessageBody' => "body $id"], ['a', 'b', 'c']);
        equal(count(client()->sendMessageBatch(['QueueUrl' => $url, 'Entries' => $entries])->getSuccessful()), 3);
        for ($messages = [], $calls = 0; count($messages) < 3 && $calls < 5; ++$calls) {
            $messages = array_merge($messages, receive($url));
        }
        $bodies = bodies($messages);
        sort($bodies);
        equal($bodies, ['body a', 'body b', 'body c']);
        $entry = fn ($message) => ['Id' => $message->getMessageId(), 'ReceiptHandle' => $message->getReceiptHandle()];
        $ended = client()->deleteMessageBatch(['QueueUrl' => $url, 'Entries' => array_map($entry, $messages)]);
        equal(count($ended->getSuccessful()), 3);
        equal(counts($url), ['0', '0']);
    },
    'fifo' => function () {
        $url = makeQueue(['FifoQueue' => 'true', 'ContentBasedDeduplication' => 'true'], '.fifo');
        $numbers = [];
        foreach (['a1', 'a2', 'b1', 'a3', 'a1'] as $body) {
            $numbers[] = send($url, $body, ['MessageGroupId' => $body[0]])->getSequenceNumber();
        }
        $rising = array_slice($numbers, 0, 4);
        sort($rising, SORT_STRING);
        equal(array_slice($numbers, 0, 4), $rising);
        $messages = receive($url);
        equal($messages[0]->getAttributes()['MessageGroupId'], $messages[0]->getBody()[0]);
        $bodies = bodies($messages);
        equal(array_values(array_filter($bodies, fn ($body) => 'a' === $body[0])), ['a1', 'a2', 'a3']);
        sort($bodies);
        equal($bodies, ['a1', 'a2', 'a3', 'b1']);
    },
    'long-poll' => function () {
        $url = makeQueue();
        // The client is asynchronous: both requests are under way before either answer is read.
        $poll = client()->receiveMessage(['QueueUrl' => $url, 'WaitTimeSeconds' => 20]);
        usleep(300_000);
        $began = microtime(true);
        send($url, 'wake');
        equal(bodies($poll->getMessages()), ['wake']);
        equal(microtime(true) - $began < 16, true);
    },
    'delete' => function () {
        $url = makeQueue(['VisibilityTimeout' => '1']);
        send($url, 'once');
        client()->deleteMessage(['QueueUrl' => $url, 'ReceiptHandle' => one($url)->getReceiptHandle()])->resolve();
        equal([receive($url, 1), counts($url)], [[], ['0', '0']]);
        client()->deleteQueue(['QueueUrl' => $url])->resolve();
    },
    'visibility' => function () {
        $url = makeQueue();
        send($url, 'twice');
        $first = one($url);
        equal(counts($url), ['0', '1']);
        giveBack($url, $first);
        $second = one($url);
        equal([$second->getMessageId(), $second->getAttributes()['ApproximateReceiveCount']], [$first->getMessageId(), '2']);
        equal($second->getReceiptHandle() === $first->getReceiptHandle(), false);
    },
    'dead-letters' => function () {
        $dead = makeQueue();
        $policy = json_encode(['deadLetterTargetArn' => attribute($dead, 'QueueArn'), 'maxReceiveCount' => 1]);
        $url = makeQueue(['RedrivePolicy' => $policy]);
        send($url, 'poison');
        giveBack($url, one($url));
        equal(receive($url, 0), []);
        $message = one($dead);
        equal($message->getBody(), 'poison');
        equal($message->getAttributes()['DeadLetterQueueSourceArn'] ?? null, attribute($url, 'QueueArn'));
    },
    'redrive' => function () {
        throw new Absent();
    },
    'tags' => function () {
        throw new Absent();
    },
    'errors' => function () {
        $url = makeQueue();
        // Its list of what SendMessage can throw is shorter than the server's; GetQueueUrl's has the class.
        $missing = ['QueueName' => nameOf($url) . '-missing'];
        refusedWith(QueueDoesNotExistException::class, fn () => client()->getQueueUrl($missing)->resolve());
        $garbage = ['QueueUrl' => $url, 'ReceiptHandle' => 'garbage'];
        refusedWith(ReceiptHandleIsInvalidException::class, fn () => client()->deleteMessage($garbage)->resolve());
        $other = ['QueueName' => nameOf($url), 'Attributes' => ['VisibilityTimeout' => '9']];
        refusedWith(QueueNameExistsException::class, fn () => client()->createQueue($other)->resolve());
    },
];

$version = trim(shell_exec("dpkg-query --show --showformat='\${source:Upstream-Version}' php-async-aws-sqs") ?: 'unknown');
echo "client: AsyncAws for PHP | async-aws/sqs $version | query\n";
foreach ($checks as $check => $run) {
    try {
        $run();
        $outcome = 'ok';
    } catch (Absent $absent) {
        $outcome = 'absent';
    } catch (Throwable $failure) {
        $outcome = 'failed: ' . get_class($failure) . ': ' . preg_replace('/\s+/', ' ', $failure->getMessage());
    }
    echo "twelve: $check: $outcome\n";
}
