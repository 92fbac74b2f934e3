#!/usr/bin/env perl
# The twelve (xtask/src/test/twelve.rs) with Amazon::SQS::Simple, which posts the query form to the path of the queue.
#
# In: TIDEWIRE_ENDPOINT. Out: a line for each of the twelve. Only its documented methods are used: it has none for tags and
# message move tasks, and it shows an error as the text of the whole answer. Its requests carry an X-Amz-Target of a form of
# its own and a signature for S3 where the host is not Amazon's.

use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));

use Amazon::SQS::Simple;
use Digest::MD5 qw(md5_hex);
use Encode qw(encode);
use Time::HiRes qw(sleep time);
use URI::Escape qw(uri_escape);

my $BODY = 'tide <wire> & "all" ✓';
my $sqs = Amazon::SQS::Simple->new('test', 'secret', Endpoint => $ENV{TIDEWIRE_ENDPOINT}, Timeout => 90);

sub equal {
    my ($got, $expected) = @_;
    my $text = sub { join ', ', map { $_ // 'nothing' } @{ $_[0] } };
    die 'expected ' . $text->($expected) . ', got ' . $text->($got) . "\n" if $text->($got) ne $text->($expected);
}

sub fresh_name { return sprintf 'twelve-%x%x', time() * 1000, int rand 1 << 30 }

# Attributes are numbered by hand: the module passes what it does not know.
sub make_queue {
    my ($attributes, $suffix) = @_;
    my (%parameters, $number);
    for my $name (sort keys %{ $attributes // {} }) {
        $number++;
        $parameters{"Attribute.$number.Name"} = $name;
        $parameters{"Attribute.$number.Value"} = uri_escape($attributes->{$name});
    }
    my $made = $sqs->CreateQueue(fresh_name() . ($suffix // ''), %parameters);
    return reachable($made);
}

# The module leaves the port out of Host, and the URLs of an answer are made of Host: the port is put back here, which a
# server with a public_url would do for it.
sub reachable {
    my ($queue) = @_;
    (my $path = $queue->Endpoint) =~ s{^https?://[^/]+}{};
    return $sqs->GetQueue($ENV{TIDEWIRE_ENDPOINT} . $path);
}

sub receive {
    my ($queue, $wait) = @_;
    my @messages = $queue->ReceiveMessageBatch(WaitTimeSeconds => $wait // 2, 'AttributeName.1' => 'All', 'MessageAttributeName.1' => 'All');
    return @messages;
}

sub one {
    my ($queue) = @_;
    my @messages = receive($queue);
    equal([ scalar @messages ], [1]);
    return $messages[0];
}

sub counts {
    my ($queue) = @_;
    my $attributes = $queue->GetAttributes();
    return map { $attributes->{"ApproximateNumberOfMessages$_"} } '', 'NotVisible';
}

# What one message says of a system attribute; a single one is not a list here.
sub system_attribute {
    my ($message, $name) = @_;
    my $list = $message->{Attribute};
    my ($found) = grep { $_->{Name} eq $name } ref $list eq 'ARRAY' ? @$list : $list;
    return $found->{Value};
}

sub name_of {
    my ($queue) = @_;
    return (split m{/}, $queue->Endpoint)[-1];
}

sub refused_with {
    my ($code, $call) = @_;
    eval { $call->(); 1 } and die "$code was expected, but it was accepted\n";
    die "$code was expected, not $@" if $@ !~ m{<Code>\Q$code\E</Code>};
}

my @checks = (
    create => sub {
        my $queue = make_queue({ VisibilityTimeout => 7 });
        my $listed = $sqs->ListQueues(QueueNamePrefix => name_of($queue));
        equal([ map { reachable($_)->Endpoint } @$listed ], [ $queue->Endpoint ]);
        equal([ $queue->GetAttributes()->{VisibilityTimeout} ], [7]);
    },
    send => sub {
        my $queue = make_queue();
        my $sent = $queue->SendMessage($BODY);
        equal([ $sent->MD5OfMessageBody ], [ md5_hex(encode('utf-8', $BODY)) ]);
        my $message = one($queue);
        equal([ $message->MessageId, $message->MessageBody ], [ $sent->MessageId, $BODY ]);
    },
    attributes => sub {
        my $queue = make_queue();
        my $sent = $queue->SendMessage(
            'x',
            'MessageAttribute.1.Name' => 'kind',
            'MessageAttribute.1.Value.DataType' => 'String',
            'MessageAttribute.1.Value.StringValue' => uri_escape('a<b>&c'),
            'MessageAttribute.2.Name' => 'raw',
            'MessageAttribute.2.Value.DataType' => 'Binary',
            'MessageAttribute.2.Value.BinaryValue' => uri_escape('AP8H'),
        );
        my $message = one($queue);
        my %found = map { $_->{Name} => $_->{Value} } @{ $message->{MessageAttribute} };
        equal([ $found{kind}{StringValue}, $found{raw}{BinaryValue} ], [ 'a<b>&c', 'AP8H' ]);
        equal([ $message->{MD5OfMessageAttributes} ], [ $sent->{MD5OfMessageAttributes} ]);
    },
    batch => sub {
        my $queue = make_queue();
        my @sent = $queue->SendMessageBatch([ 'body a', 'body b', 'body c' ]);
        equal([ scalar @sent ], [3]);
        my @messages;
        for (1 .. 5) { push @messages, receive($queue) if @messages < 3 }
        equal([ sort map { $_->MessageBody } @messages ], [ 'body a', 'body b', 'body c' ]);
        $queue->DeleteMessageBatch(\@messages);
        equal([ counts($queue) ], [ 0, 0 ]);
    },
    fifo => sub {
        my $queue = make_queue({ FifoQueue => 'true', ContentBasedDeduplication => 'true' }, '.fifo');
        $queue->SendMessage($_, MessageGroupId => substr $_, 0, 1) for qw(a1 a2 b1 a3 a1);
        my @messages = receive($queue);
        equal([ grep { /^a/ } map { $_->MessageBody } @messages ], [qw(a1 a2 a3)]);
        equal([ sort map { $_->MessageBody } @messages ], [qw(a1 a2 a3 b1)]);
        equal([ system_attribute($messages[0], 'MessageGroupId') ], [ substr $messages[0]->MessageBody, 0, 1 ]);
    },
    'long-poll' => sub {
        my $queue = make_queue();
        $queue->SendMessage('later', DelaySeconds => 8);
        equal([ scalar receive($queue, 0) ], [0]);
        my $began = time;
        equal([ map { $_->MessageBody } receive($queue, 20) ], ['later']);
        die "the poll took too long\n" if time - $began > 18;
    },
    delete => sub {
        my $queue = make_queue({ VisibilityTimeout => 1 });
        $queue->SendMessage('once');
        $queue->DeleteMessage(one($queue));
        equal([ scalar(receive($queue, 1)), counts($queue) ], [ 0, 0, 0 ]);
        $queue->Delete();
    },
    visibility => sub {
        my $queue = make_queue();
        $queue->SendMessage('twice');
        my $first = one($queue);
        equal([ counts($queue) ], [ 0, 1 ]);
        $queue->ChangeMessageVisibility($first->ReceiptHandle, 0);
        my $second = one($queue);
        equal([ $second->MessageId, system_attribute($second, 'ApproximateReceiveCount') ], [ $first->MessageId, 2 ]);
        die "the second receive gave the handle of the first\n" if $first->ReceiptHandle eq $second->ReceiptHandle;
    },
    'dead-letters' => sub {
        my $dead = make_queue();
        my $arn = $dead->GetAttributes()->{QueueArn};
        my $queue = make_queue({ RedrivePolicy => qq({"deadLetterTargetArn":"$arn","maxReceiveCount":"1"}) });
        $queue->SendMessage('poison');
        $queue->ChangeMessageVisibility(one($queue)->ReceiptHandle, 0);
        equal([ scalar receive($queue, 0) ], [0]);
        my $message = one($dead);
        my $source = system_attribute($message, 'DeadLetterQueueSourceArn');
        equal([ $message->MessageBody, $source ], [ 'poison', $queue->GetAttributes()->{QueueArn} ]);
    },
    redrive => 'absent',
    tags => 'absent',
    errors => sub {
        my $queue = make_queue();
        my $missing = $sqs->GetQueue($queue->Endpoint . '-missing');
        refused_with('AWS.SimpleQueueService.NonExistentQueue', sub { $missing->SendMessage('x') });
        refused_with('ReceiptHandleIsInvalid', sub { $queue->DeleteMessage('garbage') });
        my %other = ('Attribute.1.Name' => 'VisibilityTimeout', 'Attribute.1.Value' => 9);
        refused_with('QueueAlreadyExists', sub { $sqs->CreateQueue(name_of($queue), %other) });
    },
);

print "client: Amazon::SQS::Simple for Perl | $Amazon::SQS::Simple::VERSION | query, to the queue's path\n";
while (my ($check, $run) = splice @checks, 0, 2) {
    my $outcome = ref $run ? 'ok' : $run;
    if (ref $run && !eval { $run->(); 1 }) {
        ($outcome = "failed: $@") =~ s/\s+/ /g;
    }
    print "twelve: $check: ", substr($outcome, 0, 600), "\n";
}
