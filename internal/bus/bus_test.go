package bus

import (
	"bytes"
	"crypto/md5" // SQS answers the MD5 of a message
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/feed"
)

// A cloud is a stand-in of EventBridge and SQS. It keeps the requests, and answers with answers
// in turn; after them it takes everything.
type cloud struct {
	mu       sync.Mutex
	requests []request
	answers  []string // a status and a body
}

type request struct {
	target string
	signed bool
	body   map[string]any
}

func newCloud(t *testing.T, answers ...string) *cloud {
	t.Helper()
	c := &cloud{answers: answers}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", server.URL)
	t.Setenv("AWS_ENDPOINT_URL_SQS", server.URL)
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, _ := io.ReadAll(r.Body)
	got := request{
		target: r.Header.Get("X-Amz-Target"),
		signed: strings.Contains(r.Header.Get("Authorization"), "Credential=AKIAEXAMPLE/"),
	}
	_ = json.Unmarshal(text, &got.body)
	c.requests = append(c.requests, got)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if len(c.answers) > 0 {
		status, body, _ := strings.Cut(c.answers[0], " ")
		c.answers = c.answers[1:]
		w.WriteHeader(map[string]int{"200": 200, "400": 400, "500": 500}[status])
		_, _ = io.WriteString(w, body)
		return
	}
	_, _ = io.WriteString(w, taken(got))
}

// taken answers that all entries of a request were taken.
func taken(r request) string {
	entries, _ := r.body["Entries"].([]any)
	var all []string
	for i, e := range entries {
		if entry, _ := e.(map[string]any); strings.HasPrefix(r.target, "AmazonSQS") {
			text, _ := entry["MessageBody"].(string)
			sum := md5.Sum([]byte(text))
			all = append(all, fmt.Sprintf(`{"Id":%q,"MessageId":"m-%d","MD5OfMessageBody":%q}`, entry["Id"], i, hex.EncodeToString(sum[:])))
		} else {
			all = append(all, fmt.Sprintf(`{"EventId":"e-%d"}`, i))
		}
	}
	if strings.HasPrefix(r.target, "AmazonSQS") {
		return `{"Successful":[` + strings.Join(all, ",") + `]}`
	}
	return `{"FailedEntryCount":0,"Entries":[` + strings.Join(all, ",") + `]}`
}

func publisher(t *testing.T, log io.Writer) *Publisher {
	t.Helper()
	e, err := readEnvironment("EVENTBRIDGE")
	require.NoError(t, err)
	e.retry = retrying(time.Microsecond)
	return e.newPublisher("rollcall-prod", slog.New(slog.NewJSONHandler(log, nil)))
}

var at = time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)

func messages(n int) []feed.Message {
	var all []feed.Message
	for i := range n {
		all = append(all, feed.Message{
			ID: fmt.Sprintf("id-%d", i), Type: "user.deactivated", Time: at, Tenant: "acme",
			Detail: fmt.Appendf(nil, `{"id":"id-%d","tenant":"acme"}`, i),
		})
	}
	return all
}

func TestPublish_SendsTypeAndDocument(t *testing.T) {
	c := newCloud(t)
	refused, err := publisher(t, io.Discard).Publish(t.Context(), messages(2))
	require.NoError(t, err)
	assert.Empty(t, refused)
	require.Len(t, c.requests, 1)
	assert.Equal(t, "AWSEvents.PutEvents", c.requests[0].target)
	assert.True(t, c.requests[0].signed)
	entries, _ := c.requests[0].body["Entries"].([]any)
	require.Len(t, entries, 2)
	assert.Equal(t, map[string]any{
		"EventBusName": "rollcall-prod", "Source": "rollcall", "DetailType": "user.deactivated",
		"Detail": `{"id":"id-1","tenant":"acme"}`, "Time": float64(at.Unix()),
	}, entries[1])
}

func TestPublish_SendsNothingForNothing(t *testing.T) {
	c := newCloud(t)
	refused, err := publisher(t, io.Discard).Publish(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, refused)
	assert.Empty(t, c.requests)
}

// EventBridge answers 200 with FailedEntryCount.
func TestPublish_ReturnsRefusedEntries(t *testing.T) {
	newCloud(t, `200 {"FailedEntryCount":2,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"Rate exceeded"},{"EventId":"e"},{"ErrorCode":"InternalFailure","ErrorMessage":"again"}]}`)
	var log bytes.Buffer
	refused, err := publisher(t, &log).Publish(t.Context(), messages(3))
	require.NoError(t, err)
	assert.Equal(t, []int{0, 2}, refused)
	assert.Contains(t, log.String(), `"eventId":"id-2","type":"user.deactivated","code":"InternalFailure","error":"again"`)
	assert.NotContains(t, log.String(), "tenant", "the document is logged")
}

func TestPublish_RepeatsAThrottledCall(t *testing.T) {
	c := newCloud(t, `400 {"__type":"ThrottlingException","message":"Rate exceeded"}`, `500 {"__type":"InternalException"}`)
	refused, err := publisher(t, io.Discard).Publish(t.Context(), messages(1))
	require.NoError(t, err)
	assert.Empty(t, refused)
	assert.Len(t, c.requests, 3)
}

func TestPublish_ReportsARefusedCall(t *testing.T) {
	c := newCloud(t, `400 {"__type":"AccessDeniedException","message":"not authorized to perform: events:PutEvents"}`)
	_, err := publisher(t, io.Discard).Publish(t.Context(), messages(1))
	require.ErrorContains(t, err, "events:PutEvents")
	assert.Len(t, c.requests, 1, "a refusal is repeated")
}

// An answer that leaves out an entry counts as lost: nobody knows which event the bus has.
func TestPublish_ReportsAnAnswerThatLeavesEntriesOut(t *testing.T) {
	newCloud(t, `200 {"FailedEntryCount":0,"Entries":[{"EventId":"e"}]}`)
	_, err := publisher(t, io.Discard).Publish(t.Context(), messages(2))
	require.ErrorContains(t, err, "1 entries for 2")
}

func waker(t *testing.T) *Waker {
	t.Helper()
	e, err := readEnvironment("SQS")
	require.NoError(t, err)
	e.retry = retrying(time.Microsecond)
	return e.newWaker("https://sqs.eu-west-1.amazonaws.com/123456789012/rollcall-wake")
}

// bodies returns the messages of a request, and the delay of the first.
func bodies(t *testing.T, r request) (all []string, delay float64) {
	t.Helper()
	entries, _ := r.body["Entries"].([]any)
	for i, e := range entries {
		entry, ok := e.(map[string]any)
		require.True(t, ok)
		text, _ := entry["MessageBody"].(string)
		all = append(all, text)
		if seconds, _ := entry["DelaySeconds"].(float64); i == 0 {
			delay = seconds
		}
	}
	return all, delay
}

func TestWake_SendsTenMessagesACall(t *testing.T) {
	c := newCloud(t)
	var endpoints []string
	for i := range 12 {
		endpoints = append(endpoints, fmt.Sprintf("w%d", i))
	}
	require.NoError(t, waker(t).Wake(t.Context(), endpoints))
	require.Len(t, c.requests, 2)
	first, delay := bodies(t, c.requests[0])
	second, _ := bodies(t, c.requests[1])
	assert.Equal(t, endpoints[:10], first)
	assert.Equal(t, endpoints[10:], second)
	assert.Zero(t, delay)
	assert.Equal(t, "AmazonSQS.SendMessageBatch", c.requests[0].target)
	assert.True(t, c.requests[0].signed)
	assert.Equal(t, "https://sqs.eu-west-1.amazonaws.com/123456789012/rollcall-wake", c.requests[0].body["QueueUrl"])
}

func TestWakeAfter_WaitsAtMostAsLongAsSQSCan(t *testing.T) {
	c := newCloud(t)
	w := waker(t)
	for after, want := range map[time.Duration]float64{
		-time.Second: 0, 0: 0, time.Millisecond: 1, 5 * time.Second: 5, MaxDelay: 900, 10 * time.Hour: 900,
	} {
		c.requests = nil
		require.NoError(t, w.WakeAfter(t.Context(), "w1", after))
		require.Len(t, c.requests, 1)
		endpoints, delay := bodies(t, c.requests[0])
		assert.Equal(t, []string{"w1"}, endpoints)
		assert.InDelta(t, want, delay, 0, "%v", after)
	}
}

// One call that fails does not keep the others back.
func TestWake_ReportsWhatWasNotTaken(t *testing.T) {
	c := newCloud(t, `400 {"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}`)
	err := waker(t).Wake(t.Context(), make([]string, 11))
	require.ErrorContains(t, err, "does not exist")
	assert.Len(t, c.requests, 2)

	newCloud(t, `200 {"Successful":[],"Failed":[{"Id":"0","Code":"InternalError","Message":"again","SenderFault":false}]}`)
	require.ErrorContains(t, waker(t).Wake(t.Context(), []string{"w1"}), "InternalError: again")
}

func TestWake_RepeatsAFailedCall(t *testing.T) {
	c := newCloud(t, `500 {}`, `500 {}`)
	require.NoError(t, waker(t).Wake(t.Context(), []string{"w1"}))
	assert.Len(t, c.requests, 3)
}

func TestClients_NeedARegionAndKeys(t *testing.T) {
	c := newCloud(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	require.ErrorContains(t, waker(t).Wake(t.Context(), []string{"w1"}), "AWS_ACCESS_KEY_ID")
	assert.Empty(t, c.requests)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
	t.Setenv("AWS_SAM_LOCAL", "true")
	require.NoError(t, waker(t).Wake(t.Context(), []string{"w1"}))
	assert.False(t, c.requests[0].signed, "under sam local the developer's key signs")
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	_, err := NewWaker("https://sqs.test/q")
	require.ErrorContains(t, err, "AWS_REGION")
	_, err = NewPublisher("bus", slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "AWS_REGION")
}
