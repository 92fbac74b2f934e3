// The twelve or the topics' fourteen: the connection, how checks are made, how their outcomes are told.
//
// In: TIDEWIRE_ENDPOINT, and which of the two as the argument. Out: the lines that xtask/src/test/twelve.rs reads.
package main

import (
	"errors"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
)

const body = `tide <wire> & "all" ✓`

var errAbsent = errors.New("this client has no such operation")

var connected = session.Must(session.NewSession(&aws.Config{
	Endpoint:    aws.String(os.Getenv("TIDEWIRE_ENDPOINT")),
	Region:      aws.String("us-east-1"),
	Credentials: credentials.NewStaticCredentials("test", "secret", ""),
	MaxRetries:  aws.Int(0),
}))

type attributes map[string]string

type checkOf struct {
	name string
	do   func()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(got, expected interface{}) {
	if !reflect.DeepEqual(got, expected) {
		panic(fmt.Errorf("expected %v, got %v", expected, got))
	}
}

func freshName(suffix string) string {
	return fmt.Sprintf("twelve-%x%s", rand.Int63(), suffix)
}

func refusedWith(code string, err error) {
	var refused awserr.Error
	if !errors.As(err, &refused) {
		panic(fmt.Errorf("expected %s, got %v", code, err))
	}
	equal(refused.Code(), code)
}

// outcome runs one check and says how it went in the words of the page.
func outcome(do func()) (said string) {
	defer func() {
		switch failure := recover(); failure {
		case nil:
		case errAbsent:
			said = "absent"
		default:
			said = "failed: " + strings.ReplaceAll(fmt.Sprint(failure), "\n", " ")
		}
	}()
	do()
	return "ok"
}

// run does all checks and says how each went, in the words of the page.
func run(heading, word string, checks []checkOf) {
	rand.Seed(time.Now().UnixNano())
	fmt.Printf("%s: AWS SDK for Go v1 | %s | query\n", heading, aws.SDKVersion)
	for _, check := range checks {
		fmt.Printf("%s: %s: %s\n", word, check.name, outcome(check.do))
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "topics" {
		run("client of topics", "topics", theFourteen)
	} else {
		run("client", "twelve", theTwelve)
	}
}
