// The fourteen (xtask/src/test/twelve.rs) with the AWS SDK for Go, version 1: topics, and queues that they are brought to.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/service/sns"
)

// One more than a page of ListTopics has.
const numberOfTopics = 101

var topics = sns.New(connected)

// What stands in an envelope, as far as it is looked at.
type envelope struct {
	Type, MessageId, TopicArn, Subject, Message, Timestamp, SignatureVersion, Signature, SigningCertURL, UnsubscribeURL, Token string
	MessageAttributes                                                                                                        map[string]map[string]string
}

func makeTopic(suffix string, with attributes) *string {
	made, err := topics.CreateTopic(&sns.CreateTopicInput{Name: aws.String(freshName(suffix)), Attributes: aws.StringMap(with)})
	check(err)
	return made.TopicArn
}

func subscribe(topic *string, url string, with attributes) *string {
	made, err := topics.Subscribe(&sns.SubscribeInput{
		TopicArn: topic, Protocol: aws.String("sqs"), Endpoint: aws.String(attribute(url, "QueueArn")), Attributes: aws.StringMap(with),
	})
	check(err)
	return made.SubscriptionArn
}

// subscribed is a new queue that gets a topic's messages raw.
func subscribed(topic *string) string {
	url := makeQueue("", nil)
	subscribe(topic, url, attributes{"RawMessageDelivery": "true"})
	return url
}

func publish(input *sns.PublishInput) *sns.PublishOutput {
	sent, err := topics.Publish(input)
	check(err)
	return sent
}

func text(value string) *sns.MessageAttributeValue {
	return &sns.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
}

// bodiesOf are those of so many messages, in the order of the alphabet.
func bodiesOf(url string, count int) []string {
	bodies := []string{}
	for calls := 0; len(bodies) < count && calls < 5; calls++ {
		for _, message := range receive(url, 2) {
			bodies = append(bodies, *message.Body)
		}
	}
	sort.Strings(bodies)
	return bodies
}

func createTopic() {
	topic := makeTopic("", attributes{"DisplayName": "Tide"})
	name := (*topic)[strings.LastIndex(*topic, ":")+1:]
	again, err := topics.CreateTopic(&sns.CreateTopicInput{Name: &name})
	check(err)
	equal(*again.TopicArn, *topic)
	_, err = topics.SetTopicAttributes(&sns.SetTopicAttributesInput{
		TopicArn: topic, AttributeName: aws.String("DisplayName"), AttributeValue: aws.String("Über & under"),
	})
	check(err)
	found, err := topics.GetTopicAttributes(&sns.GetTopicAttributesInput{TopicArn: topic})
	check(err)
	equal(*found.Attributes["DisplayName"], "Über & under")
	equal(*found.Attributes["TopicArn"], *topic)
}

func inEnvelope() {
	topic, url := makeTopic("", nil), makeQueue("", nil)
	subscribe(topic, url, nil)
	given := map[string]*sns.MessageAttributeValue{"kind": text("a<b>&c")}
	sent := publish(&sns.PublishInput{TopicArn: topic, Message: aws.String(body), Subject: aws.String("News"), MessageAttributes: given})
	var found envelope
	check(json.Unmarshal([]byte(*one(url).Body), &found))
	equal([]string{found.Type, found.MessageId, found.TopicArn, found.Subject, found.Message},
		[]string{"Notification", *sent.MessageId, *topic, "News", body})
	equal(found.MessageAttributes, map[string]map[string]string{"kind": {"Type": "String", "Value": "a<b>&c"}})
	for _, given := range []string{found.Timestamp, found.SignatureVersion, found.Signature, found.SigningCertURL, found.UnsubscribeURL} {
		equal(given != "", true)
	}
}

func raw() {
	topic := makeTopic("", nil)
	url := subscribed(topic)
	publish(&sns.PublishInput{TopicArn: topic, Message: aws.String(body)})
	equal(bodiesOf(url, 1), []string{body})
}

func topicMessageAttributes() {
	topic := makeTopic("", nil)
	url := subscribed(topic)
	publish(&sns.PublishInput{TopicArn: topic, Message: aws.String("x"), MessageAttributes: map[string]*sns.MessageAttributeValue{
		"kind":   text("a<b>&c"),
		"number": {DataType: aws.String("Number"), StringValue: aws.String("12.5")},
		"raw":    {DataType: aws.String("Binary"), BinaryValue: []byte{0, 255, 7}},
	}})
	found := one(url).MessageAttributes
	equal(*found["kind"].StringValue, "a<b>&c")
	equal([]string{*found["number"].DataType, *found["number"].StringValue}, []string{"Number", "12.5"})
	equal(found["raw"].BinaryValue, []byte{0, 255, 7})
}

func publishBatch() {
	topic := makeTopic("", nil)
	url := subscribed(topic)
	entries := []*sns.PublishBatchRequestEntry{}
	for _, id := range []string{"a", "b", "c"} {
		entries = append(entries, &sns.PublishBatchRequestEntry{Id: aws.String(id), Message: aws.String("body " + id)})
	}
	sent, err := topics.PublishBatch(&sns.PublishBatchInput{TopicArn: topic, PublishBatchRequestEntries: entries})
	check(err)
	equal([]int{len(sent.Successful), len(sent.Failed)}, []int{3, 0})
	equal(bodiesOf(url, 3), []string{"body a", "body b", "body c"})
	_, err = topics.PublishBatch(&sns.PublishBatchInput{TopicArn: topic, PublishBatchRequestEntries: append(entries, entries[0])})
	refusedWith(sns.ErrCodeBatchEntryIdsNotDistinctException, err)
}

func structure() {
	topic := makeTopic("", nil)
	url := subscribed(topic)
	texts := `{"default": "for all", "sqs": "for queues", "email": "for people"}`
	publish(&sns.PublishInput{TopicArn: topic, Message: &texts, MessageStructure: aws.String("json")})
	equal(bodiesOf(url, 1), []string{"for queues"})
}

func filterPolicy() {
	topic, url := makeTopic("", nil), makeQueue("", nil)
	subscription := subscribe(topic, url, attributes{"RawMessageDelivery": "true", "FilterPolicy": `{"kind": [{"prefix": "a"}]}`})
	for _, kind := range []string{"bee", "ant"} {
		publish(&sns.PublishInput{TopicArn: topic, Message: aws.String(kind), MessageAttributes: map[string]*sns.MessageAttributeValue{"kind": text(kind)}})
	}
	equal(bodiesOf(url, 1), []string{"ant"})
	for _, change := range [][2]string{{"FilterPolicyScope", "MessageBody"}, {"FilterPolicy", `{"legs": [{"numeric": [">", 6]}]}`}} {
		_, err := topics.SetSubscriptionAttributes(&sns.SetSubscriptionAttributesInput{
			SubscriptionArn: subscription, AttributeName: aws.String(change[0]), AttributeValue: aws.String(change[1]),
		})
		check(err)
	}
	for _, legs := range []int{6, 8} {
		publish(&sns.PublishInput{TopicArn: topic, Message: aws.String(fmt.Sprintf(`{"legs": %d}`, legs))})
	}
	equal(bodiesOf(url, 1), []string{`{"legs": 8}`})
	equal(len(receive(url, 0)), 0)
}

func fifoTopic() {
	topic := makeTopic(".fifo", attributes{"FifoTopic": "true", "ContentBasedDeduplication": "true"})
	url := makeQueue(".fifo", attributes{"FifoQueue": "true"})
	subscribe(topic, url, attributes{"RawMessageDelivery": "true"})
	var first, last *sns.PublishOutput
	for _, message := range []string{"a1", "a2", "b1", "a3"} {
		sent := publish(&sns.PublishInput{TopicArn: topic, Message: aws.String(message), MessageGroupId: aws.String(message[:1])})
		if last != nil && *sent.SequenceNumber <= *last.SequenceNumber {
			panic(fmt.Errorf("sequence number %s after %s", *sent.SequenceNumber, *last.SequenceNumber))
		}
		if first == nil {
			first = sent
		}
		last = sent
	}
	again := publish(&sns.PublishInput{TopicArn: topic, Message: aws.String("a1"), MessageGroupId: aws.String("a")})
	equal(*again.MessageId, *first.MessageId)
	all, ofA := []string{}, []string{}
	for _, message := range receive(url, 2) {
		all = append(all, *message.Body)
		if strings.HasPrefix(*message.Body, "a") {
			ofA = append(ofA, *message.Body)
		}
	}
	sort.Strings(all)
	equal(ofA, []string{"a1", "a2", "a3"})
	equal(all, []string{"a1", "a2", "a3", "b1"})
}

func confirm() {
	letters := make(chan envelope, 10)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		var letter envelope
		if json.NewDecoder(request.Body).Decode(&letter) == nil && letter.Type == request.Header.Get("x-amz-sns-message-type") {
			letters <- letter
		}
	}))
	defer endpoint.Close()
	topic := makeTopic("", nil)
	asked, err := topics.Subscribe(&sns.SubscribeInput{TopicArn: topic, Protocol: aws.String("http"), Endpoint: aws.String(endpoint.URL + "/notes")})
	check(err)
	equal(*asked.SubscriptionArn, "pending confirmation")
	question := next(letters)
	equal([]string{question.Type, question.TopicArn}, []string{"SubscriptionConfirmation", *topic})
	confirmed, err := topics.ConfirmSubscription(&sns.ConfirmSubscriptionInput{TopicArn: topic, Token: &question.Token})
	check(err)
	equal(strings.HasPrefix(*confirmed.SubscriptionArn, *topic+":"), true)
	publish(&sns.PublishInput{TopicArn: topic, Message: aws.String(body)})
	note := next(letters)
	equal([]string{note.Type, note.Message}, []string{"Notification", body})
	_, err = topics.DeleteTopic(&sns.DeleteTopicInput{TopicArn: topic})
	check(err)
}

func next(letters chan envelope) envelope {
	select {
	case letter := <-letters:
		return letter
	case <-time.After(30 * time.Second):
		panic(errors.New("nothing came"))
	}
}

func topicTags() {
	tag := func(key, value string) []*sns.Tag { return []*sns.Tag{{Key: &key, Value: &value}} }
	made, err := topics.CreateTopic(&sns.CreateTopicInput{Name: aws.String(freshName("")), Tags: tag("team", "tide")})
	check(err)
	_, err = topics.TagResource(&sns.TagResourceInput{ResourceArn: made.TopicArn, Tags: tag("stage", "test + more")})
	check(err)
	equal(tagsOf(made.TopicArn), attributes{"team": "tide", "stage": "test + more"})
	_, err = topics.UntagResource(&sns.UntagResourceInput{ResourceArn: made.TopicArn, TagKeys: aws.StringSlice([]string{"team"})})
	check(err)
	equal(tagsOf(made.TopicArn), attributes{"stage": "test + more"})
}

func tagsOf(topic *string) attributes {
	listed, err := topics.ListTagsForResource(&sns.ListTagsForResourceInput{ResourceArn: topic})
	check(err)
	found := attributes{}
	for _, tag := range listed.Tags {
		found[*tag.Key] = *tag.Value
	}
	return found
}

func pages() {
	made := map[string]bool{}
	for len(made) < numberOfTopics {
		made[*makeTopic("", nil)] = true
	}
	count, first := 0, true
	err := topics.ListTopicsPages(&sns.ListTopicsInput{}, func(page *sns.ListTopicsOutput, _ bool) bool {
		if first {
			equal([]interface{}{len(page.Topics), page.NextToken != nil}, []interface{}{100, true})
			first = false
		}
		for _, topic := range page.Topics {
			if made[*topic.TopicArn] {
				count++
			}
		}
		return true
	})
	check(err)
	equal(count, numberOfTopics)
}

func topicRefusals() {
	topic := makeTopic("", nil)
	missing := aws.String(*topic + "-missing")
	_, err := topics.Publish(&sns.PublishInput{TopicArn: missing, Message: aws.String("x")})
	refusedWith(sns.ErrCodeNotFoundException, err)
	_, err = topics.Subscribe(&sns.SubscribeInput{TopicArn: topic, Protocol: aws.String("pigeon"), Endpoint: aws.String("x")})
	refusedWith(sns.ErrCodeInvalidParameterException, err)
	_, err = topics.ListTagsForResource(&sns.ListTagsForResourceInput{ResourceArn: missing})
	refusedWith(sns.ErrCodeResourceNotFoundException, err)
	_, err = topics.PublishBatch(&sns.PublishBatchInput{TopicArn: topic, PublishBatchRequestEntries: []*sns.PublishBatchRequestEntry{}})
	refusedWith(sns.ErrCodeEmptyBatchRequestException, err)
}

func unsubscribe() {
	topic, url := makeTopic("", nil), makeQueue("", nil)
	subscription := subscribe(topic, url, nil)
	equal(subscriptionsOf(topic), []string{*subscription})
	_, err := topics.Unsubscribe(&sns.UnsubscribeInput{SubscriptionArn: subscription})
	check(err)
	publish(&sns.PublishInput{TopicArn: topic, Message: aws.String("to nobody")})
	equal(len(receive(url, 1)), 0)
	equal(subscriptionsOf(topic), []string{})
	_, err = topics.GetSubscriptionAttributes(&sns.GetSubscriptionAttributesInput{SubscriptionArn: subscription})
	refusedWith(sns.ErrCodeNotFoundException, err)
}

func subscriptionsOf(topic *string) []string {
	listed, err := topics.ListSubscriptionsByTopic(&sns.ListSubscriptionsByTopicInput{TopicArn: topic})
	check(err)
	found := []string{}
	for _, subscription := range listed.Subscriptions {
		found = append(found, *subscription.SubscriptionArn)
	}
	return found
}

func deleteTopic() {
	topic := makeTopic("", nil)
	url := subscribed(topic)
	for times := 0; times < 2; times++ {
		_, err := topics.DeleteTopic(&sns.DeleteTopicInput{TopicArn: topic})
		check(err)
	}
	_, err := topics.Publish(&sns.PublishInput{TopicArn: topic, Message: aws.String("x")})
	refusedWith(sns.ErrCodeNotFoundException, err)
	_, err = topics.GetTopicAttributes(&sns.GetTopicAttributesInput{TopicArn: topic})
	refusedWith(sns.ErrCodeNotFoundException, err)
	equal(len(receive(url, 1)), 0)
}

var theFourteen = []checkOf{
	{"create", createTopic}, {"envelope", inEnvelope}, {"raw", raw}, {"attributes", topicMessageAttributes},
	{"batch", publishBatch}, {"structure", structure}, {"filter", filterPolicy}, {"fifo", fifoTopic}, {"confirm", confirm},
	{"tags", topicTags}, {"pages", pages}, {"errors", topicRefusals}, {"unsubscribe", unsubscribe}, {"delete", deleteTopic},
}
