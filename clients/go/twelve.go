// The twelve (xtask/src/test/twelve.rs) with the AWS SDK for Go, version 1, which speaks the query form to SQS.
//
// In: TIDEWIRE_ENDPOINT. Out: a line for each of the twelve. The SDK checks the MD5 of every body by itself. Its version
// here is older than message move tasks.
package main

import (
	"crypto/md5"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/sqs"
)

var client = sqs.New(connected)

func makeQueue(suffix string, with attributes) string {
	made, err := client.CreateQueue(&sqs.CreateQueueInput{QueueName: aws.String(freshName(suffix)), Attributes: aws.StringMap(with)})
	check(err)
	return *made.QueueUrl
}

func nameOf(url string) string {
	return url[strings.LastIndex(url, "/")+1:]
}

func send(url, text string) *sqs.SendMessageOutput {
	sent, err := client.SendMessage(&sqs.SendMessageInput{QueueUrl: &url, MessageBody: &text})
	check(err)
	return sent
}

func receive(url string, wait int64) []*sqs.Message {
	got, err := client.ReceiveMessage(&sqs.ReceiveMessageInput{
		QueueUrl:              &url,
		MaxNumberOfMessages:   aws.Int64(10),
		WaitTimeSeconds:       &wait,
		AttributeNames:        aws.StringSlice([]string{"All"}),
		MessageAttributeNames: aws.StringSlice([]string{"All"}),
	})
	check(err)
	return got.Messages
}

// one is the only message of a queue, waited for.
func one(url string) *sqs.Message {
	messages := receive(url, 2)
	equal(len(messages), 1)
	return messages[0]
}

func giveBack(url string, message *sqs.Message) {
	_, err := client.ChangeMessageVisibility(&sqs.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: aws.Int64(0),
	})
	check(err)
}

func attribute(url, name string) string {
	got, err := client.GetQueueAttributes(&sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: aws.StringSlice([]string{name})})
	check(err)
	return aws.StringValue(got.Attributes[name])
}

func equalCounts(url, visible, inFlight string) {
	equal(attribute(url, "ApproximateNumberOfMessages"), visible)
	equal(attribute(url, "ApproximateNumberOfMessagesNotVisible"), inFlight)
}

func create() {
	url := makeQueue("", attributes{"VisibilityTimeout": "7"})
	found, err := client.GetQueueUrl(&sqs.GetQueueUrlInput{QueueName: aws.String(nameOf(url))})
	check(err)
	equal(*found.QueueUrl, url)
	listed, err := client.ListQueues(&sqs.ListQueuesInput{QueueNamePrefix: aws.String(nameOf(url))})
	check(err)
	equal(aws.StringValueSlice(listed.QueueUrls), []string{url})
	equal(attribute(url, "VisibilityTimeout"), "7")
}

func sendOne() {
	url := makeQueue("", nil)
	sent := send(url, body)
	equal(*sent.MD5OfMessageBody, fmt.Sprintf("%x", md5.Sum([]byte(body))))
	message := one(url)
	equal([]string{*message.MessageId, *message.Body}, []string{*sent.MessageId, body})
}

func messageAttributes() {
	url := makeQueue("", nil)
	sent, err := client.SendMessage(&sqs.SendMessageInput{
		QueueUrl: &url, MessageBody: aws.String("x"),
		MessageAttributes: map[string]*sqs.MessageAttributeValue{
			"kind":   {DataType: aws.String("String"), StringValue: aws.String("a<b>&c")},
			"number": {DataType: aws.String("Number"), StringValue: aws.String("12.5")},
			"raw":    {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255, 7}},
		},
	})
	check(err)
	message := one(url)
	equal(*message.MessageAttributes["kind"].StringValue, "a<b>&c")
	equal(*message.MessageAttributes["number"].StringValue, "12.5")
	equal(message.MessageAttributes["raw"].BinaryValue, []byte{0, 255, 7})
	equal(*message.MD5OfMessageAttributes, *sent.MD5OfMessageAttributes)
}

func batch() {
	url := makeQueue("", nil)
	entries := []*sqs.SendMessageBatchRequestEntry{}
	for _, id := range []string{"a", "b", "c"} {
		entries = append(entries, &sqs.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: aws.String("body " + id)})
	}
	sent, err := client.SendMessageBatch(&sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries})
	check(err)
	equal(len(sent.Successful), 3)
	bodies, handles := []string{}, []*sqs.DeleteMessageBatchRequestEntry{}
	for calls := 0; len(bodies) < 3 && calls < 5; calls++ {
		for _, message := range receive(url, 2) {
			id := fmt.Sprintf("h%d", len(bodies))
			bodies = append(bodies, *message.Body)
			handles = append(handles, &sqs.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: message.ReceiptHandle})
		}
	}
	sort.Strings(bodies)
	equal(bodies, []string{"body a", "body b", "body c"})
	ended, err := client.DeleteMessageBatch(&sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: handles})
	check(err)
	equal(len(ended.Successful), 3)
	equalCounts(url, "0", "0")
}

func fifo() {
	url := makeQueue(".fifo", attributes{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	last := ""
	for index, text := range []string{"a1", "a2", "b1", "a3", "a1"} {
		sent, err := client.SendMessage(&sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(text), MessageGroupId: aws.String(text[:1])})
		check(err)
		if number := *sent.SequenceNumber; index < 4 {
			if len(number) < len(last) || (len(number) == len(last) && number <= last) {
				panic(fmt.Errorf("sequence number %s after %s", number, last))
			}
			last = number
		}
	}
	all, ofA := []string{}, []string{}
	for _, message := range receive(url, 2) {
		equal(*message.Attributes["MessageGroupId"], (*message.Body)[:1])
		all = append(all, *message.Body)
		if strings.HasPrefix(*message.Body, "a") {
			ofA = append(ofA, *message.Body)
		}
	}
	sort.Strings(all)
	equal(ofA, []string{"a1", "a2", "a3"})
	equal(all, []string{"a1", "a2", "a3", "b1"})
}

func longPoll() {
	url := makeQueue("", nil)
	woken := make(chan []*sqs.Message)
	go func() {
		defer close(woken)
		defer func() { _ = recover() }()
		woken <- receive(url, 20)
	}()
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	send(url, "wake")
	messages := <-woken
	equal(len(messages), 1)
	equal(*messages[0].Body, "wake")
	if took := time.Since(began); took > 16*time.Second {
		panic(fmt.Errorf("the poll took %s", took))
	}
}

func deleteOne() {
	url := makeQueue("", attributes{"VisibilityTimeout": "1"})
	send(url, "once")
	_, err := client.DeleteMessage(&sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: one(url).ReceiptHandle})
	check(err)
	equal(len(receive(url, 1)), 0)
	equalCounts(url, "0", "0")
	_, err = client.DeleteQueue(&sqs.DeleteQueueInput{QueueUrl: &url})
	check(err)
}

func visibility() {
	url := makeQueue("", nil)
	send(url, "twice")
	first := one(url)
	equalCounts(url, "0", "1")
	giveBack(url, first)
	second := one(url)
	equal(*second.MessageId, *first.MessageId)
	equal(*second.Attributes["ApproximateReceiveCount"], "2")
	if *second.ReceiptHandle == *first.ReceiptHandle {
		panic(errors.New("the second receive gave the handle of the first"))
	}
}

func deadLetters() {
	dead := makeQueue("", nil)
	policy := fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"1"}`, attribute(dead, "QueueArn"))
	url := makeQueue("", attributes{"RedrivePolicy": policy})
	send(url, "poison")
	giveBack(url, one(url))
	equal(len(receive(url, 0)), 0)
	message := one(dead)
	equal(*message.Body, "poison")
	// Sent as an attribute that this version's documentation does not list yet.
	equal(aws.StringValue(message.Attributes["DeadLetterQueueSourceArn"]), attribute(url, "QueueArn"))
	sources, err := client.ListDeadLetterSourceQueues(&sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &dead})
	check(err)
	equal(aws.StringValueSlice(sources.QueueUrls), []string{url})
}

func redrive() {
	panic(errAbsent)
}

func tags() {
	made, err := client.CreateQueue(&sqs.CreateQueueInput{QueueName: aws.String(freshName("")), Tags: aws.StringMap(attributes{"team": "tide"})})
	check(err)
	_, err = client.TagQueue(&sqs.TagQueueInput{QueueUrl: made.QueueUrl, Tags: aws.StringMap(attributes{"stage": "test + more"})})
	check(err)
	equalTags(made.QueueUrl, map[string]string{"team": "tide", "stage": "test + more"})
	_, err = client.UntagQueue(&sqs.UntagQueueInput{QueueUrl: made.QueueUrl, TagKeys: aws.StringSlice([]string{"team"})})
	check(err)
	equalTags(made.QueueUrl, map[string]string{"stage": "test + more"})
}

func equalTags(url *string, expected map[string]string) {
	listed, err := client.ListQueueTags(&sqs.ListQueueTagsInput{QueueUrl: url})
	check(err)
	equal(aws.StringValueMap(listed.Tags), expected)
}

func refusals() {
	url := makeQueue("", nil)
	_, err := client.SendMessage(&sqs.SendMessageInput{QueueUrl: aws.String(url + "-missing"), MessageBody: aws.String("x")})
	refusedWith(sqs.ErrCodeQueueDoesNotExist, err)
	_, err = client.DeleteMessage(&sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: aws.String("garbage")})
	refusedWith(sqs.ErrCodeReceiptHandleIsInvalid, err)
	other := aws.StringMap(attributes{"VisibilityTimeout": "9"})
	_, err = client.CreateQueue(&sqs.CreateQueueInput{QueueName: aws.String(nameOf(url)), Attributes: other})
	refusedWith(sqs.ErrCodeQueueNameExists, err)
}

var theTwelve = []checkOf{
	{"create", create}, {"send", sendOne}, {"attributes", messageAttributes}, {"batch", batch}, {"fifo", fifo},
	{"long-poll", longPoll}, {"delete", deleteOne}, {"visibility", visibility}, {"dead-letters", deadLetters},
	{"redrive", redrive}, {"tags", tags}, {"errors", refusals},
}
