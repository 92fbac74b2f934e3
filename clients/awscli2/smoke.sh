#!/usr/bin/env bash
# The AWS CLI that Debian 12 packages (2.9, which speaks the query form to SQS) against tidewire.
#
# In: TIDEWIRE_ENDPOINT. Out: one line per fact, then "N passed, N failed"; the exit code is zero only if all passed.
# The command is named by its full path, so that no other version on PATH is tested by mistake.

set -u

endpoint=${TIDEWIRE_ENDPOINT:-http://127.0.0.1:4566}
name="cli2-$(date +%s)-$$-$RANDOM"
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 AWS_MAX_ATTEMPTS=1 AWS_PAGER=
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
passed=0
failed=0

sqs() { timeout 120 /usr/bin/aws --endpoint-url "$endpoint" --output text sqs "$@" 2>&1; }

# check FACT EXPECTED GOT: passes when the two texts are equal.
check() {
  if [ "$2" = "$3" ]; then
    passed=$((passed + 1))
    echo "ok: $1"
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3"
  fi
}

# check_contains FACT PART GOT: passes when PART stands in the text.
check_contains() {
  case "$3" in
    *"$2"*) check "$1" yes yes ;;
    *) check "$1" "something with $2" "$3" ;;
  esac
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
  exit
}

if ! /usr/bin/aws --version 2>/dev/null | grep -q '^aws-cli/2'; then
  echo "FAILED: /usr/bin/aws is not the AWS CLI version 2 (apt-get install awscli)"
  failed=1
  finish
fi

url=$(sqs create-queue --queue-name "$name" --attributes VisibilityTimeout=30 --query QueueUrl)
check "create-queue answers the URL of the queue" "$endpoint/000000000000/$name" "$url"
check "get-queue-url finds it" "$url" "$(sqs get-queue-url --queue-name "$name" --query QueueUrl)"
check "list-queues lists it" "$url" "$(sqs list-queues --queue-name-prefix "$name" --query 'QueueUrls[]')"
check "get-queue-attributes shows what was set" 30 \
  "$(sqs get-queue-attributes --queue-url "$url" --attribute-names All --query Attributes.VisibilityTimeout)"

body='hello <world> & "all" ✓'
md5=$(printf %s "$body" | md5sum | cut -d' ' -f1)
check "send-message answers the MD5 of the body" "$md5" \
  "$(sqs send-message --queue-url "$url" --message-body "$body" --query MD5OfMessageBody \
    --message-attributes '{"kind":{"DataType":"String","StringValue":"a<b"},"raw":{"DataType":"Binary","BinaryValue":"AP8="}}')"
received=$(sqs receive-message --queue-url "$url" --wait-time-seconds 20 --message-attribute-names All \
  --query 'Messages[0].[Body,MessageAttributes.kind.StringValue,MessageAttributes.raw.BinaryValue]')
check "receive-message brings body and attributes" "$(printf '%s\ta<b\tAP8=' "$body")" "$received"
check "a message in flight stays hidden" None "$(sqs receive-message --queue-url "$url" --query 'Messages[0].Body')"
check "the queue counts it as in flight" 1 "$(sqs get-queue-attributes --queue-url "$url" --attribute-names All \
  --query Attributes.ApproximateNumberOfMessagesNotVisible)"
check "purge-queue takes it away" "" "$(sqs purge-queue --queue-url "$url")"
check "nothing is in flight any more" 0 "$(sqs get-queue-attributes --queue-url "$url" --attribute-names All \
  --query Attributes.ApproximateNumberOfMessagesNotVisible)"

check "send-message-batch sends three" 3 "$(sqs send-message-batch --queue-url "$url" --query 'length(Successful)' \
  --entries Id=a,MessageBody=1 Id=b,MessageBody=2 Id=c,MessageBody=3)"
handles=()
while [ ${#handles[@]} -lt 3 ]; do
  got=$(sqs receive-message --queue-url "$url" --max-number-of-messages 10 --wait-time-seconds 20 --query 'Messages[].ReceiptHandle')
  [ "$got" = None ] && break
  read -r -a more <<<"$got"
  handles+=("${more[@]}")
done
check "receive-message brings all three" 3 "${#handles[@]}"
check "change-message-visibility-batch gives two back" 2 \
  "$(sqs change-message-visibility-batch --queue-url "$url" --query 'length(Successful)' \
    --entries "Id=a,ReceiptHandle=${handles[0]},VisibilityTimeout=0" "Id=b,ReceiptHandle=${handles[1]},VisibilityTimeout=0")"
check "the two are visible again" 2 "$(sqs get-queue-attributes --queue-url "$url" --attribute-names All \
  --query Attributes.ApproximateNumberOfMessages)"
check "delete-message-batch deletes all three" 3 "$(sqs delete-message-batch --queue-url "$url" --query 'length(Successful)' \
  --entries "Id=a,ReceiptHandle=${handles[0]}" "Id=b,ReceiptHandle=${handles[1]}" "Id=c,ReceiptHandle=${handles[2]}")"

sent=$(mktemp)
(sleep 1.5 && sqs send-message --queue-url "$url" --message-body wake >/dev/null && date +%s >"$sent") &
woken=$(sqs receive-message --queue-url "$url" --wait-time-seconds 20 --query 'Messages[0].[Body,ReceiptHandle]')
ended=$(date +%s)
wait
# From the send on, so that the start of two interpreters does not count; without a waking it would be nearly twenty.
took=$((ended - $(cat "$sent")))
rm -f "$sent"
check "a long poll brings the message that arrives" wake "${woken%%$'\t'*}"
check "and wakes long before its time is over (took ${took} s)" yes "$([ "$took" -lt 15 ] && echo yes)"
handle=${woken##*$'\t'}
check "change-message-visibility to zero gives it back" "" \
  "$(sqs change-message-visibility --queue-url "$url" --receipt-handle "$handle" --visibility-timeout 0)"
again=$(sqs receive-message --queue-url "$url" --wait-time-seconds 20 --query 'Messages[0].[Body,ReceiptHandle]')
check "and it is received again" wake "${again%%$'\t'*}"
check "delete-message ends it" "" "$(sqs delete-message --queue-url "$url" --receipt-handle "${again##*$'\t'}")"

check_contains "a missing queue shows the code of the service" "(AWS.SimpleQueueService.NonExistentQueue)" \
  "$(sqs send-message --queue-url "$url-missing" --message-body x)"
check_contains "a bad handle shows the code of the service" "(ReceiptHandleIsInvalid)" \
  "$(sqs delete-message --queue-url "$url" --receipt-handle garbage)"
check_contains "another value for an attribute is a conflict" "(QueueAlreadyExists)" \
  "$(sqs create-queue --queue-name "$name" --attributes VisibilityTimeout=31)"
check "delete-queue deletes it" "" "$(sqs delete-queue --queue-url "$url")"
check_contains "and it is gone" "(AWS.SimpleQueueService.NonExistentQueue)" "$(sqs get-queue-url --queue-name "$name")"
finish
