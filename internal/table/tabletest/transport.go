package tabletest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// WireFault is one way in which a request to DynamoDB fails in transit.
type WireFault string

// The faults of the wire. "After" means that the request was processed before:
// a write was applied.
const (
	WireThrottle   WireFault = "throttle"         // refused with ThrottlingException
	WireConflict   WireFault = "conflict"         // cancelled, every reason transient
	WireInProgress WireFault = "in progress"      // refused with TransactionInProgressException
	WireRefused    WireFault = "refused"          // the connection is not accepted
	WireHang       WireFault = "hang"             // no answer until the caller gives up
	WireHangAfter  WireFault = "hang after"       // … and it was applied
	WireReset      WireFault = "reset after"      // the connection is reset
	WireTruncated  WireFault = "truncated after"  // the answer is cut off
	WireGarbled    WireFault = "garbled after"    // the answer is complete and unreadable
	WireServer     WireFault = "500 after"        // the answer is an internal error
	WireBusy       WireFault = "503"              // refused with 503, not applied
	WireTooManyWCU WireFault = "too much for now" // cancelled for throughput, nothing applied
)

// WirePlan says which requests fail. Those of the targets are counted from 1.
type WirePlan struct {
	// Targets are the operations; TransactWriteItems if there are none.
	Targets []string
	// Requests names the faults of single requests.
	Requests map[int]WireFault
	// Rates are the shares of all other requests that meet a fault, 0 to 1
	// together.
	Rates map[WireFault]float64
}

// FaultTransport is an http.RoundTripper beneath the AWS SDK that loses
// requests and answers.
type FaultTransport struct {
	base http.RoundTripper
	plan WirePlan

	mu       sync.Mutex
	random   *rand.Rand
	requests int
	report   map[WireFault]int
	tokens   []string
}

// NewFaultTransport returns a faulty transport. The same seed, plan and
// requests meet the same faults.
func NewFaultTransport(base http.RoundTripper, seed uint64, plan WirePlan) *FaultTransport {
	if len(plan.Targets) == 0 {
		plan.Targets = []string{"TransactWriteItems"}
	}
	return &FaultTransport{
		base: base, plan: plan,
		random: rand.New(rand.NewPCG(seed, 3)), //nolint:gosec // repeatable on purpose
		report: map[WireFault]int{},
	}
}

// Report counts the faults so far.
func (f *FaultTransport) Report() map[WireFault]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.report)
}

// Requests returns the number of requests of the targets so far.
func (f *FaultTransport) Requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// Tokens returns the tokens of the transactions so far, one for each request.
func (f *FaultTransport) Tokens() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tokens)
}

// RoundTrip implements http.RoundTripper.
func (f *FaultTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	_, target, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !slices.Contains(f.plan.Targets, target) {
		return f.base.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close() // it was read completely
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body, r.GetBody = io.NopCloser(bytes.NewReader(body)), nil
	return f.meet(r, f.next(body), operations(body))
}

func (f *FaultTransport) next(body []byte) WireFault {
	var request struct{ ClientRequestToken string }
	_ = json.Unmarshal(body, &request) // a read has none
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	if request.ClientRequestToken != "" {
		f.tokens = append(f.tokens, request.ClientRequestToken)
	}
	fault := draw(f.random, f.plan.Requests[f.requests], f.plan.Rates)
	if fault != "" {
		f.report[fault]++
	}
	return fault
}

// operations returns the number of operations of a transaction.
func operations(body []byte) int {
	var request struct{ TransactItems []json.RawMessage }
	_ = json.Unmarshal(body, &request) // a read has none
	return len(request.TransactItems)
}

// meet applies a fault to a request.
func (f *FaultTransport) meet(r *http.Request, fault WireFault, operations int) (*http.Response, error) {
	switch fault {
	case WireThrottle:
		return refusal(r, 400, "ThrottlingException", nil), nil
	case WireInProgress:
		return refusal(r, 400, "TransactionInProgressException", nil), nil
	case WireBusy:
		return refusal(r, 503, "ServiceUnavailable", nil), nil
	case WireConflict:
		return refusal(r, 400, "TransactionCanceledException", reasons(operations, "TransactionConflict")), nil
	case WireTooManyWCU:
		return refusal(r, 400, "TransactionCanceledException", reasons(operations, "ProvisionedThroughputExceeded")), nil
	case WireRefused:
		return nil, syscall.ECONNREFUSED
	case WireHang:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	response, err := f.base.RoundTrip(r)
	if err != nil || fault == "" {
		return response, err
	}
	answer, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // it was read completely
	if err != nil {
		return nil, err
	}
	switch fault {
	case WireHangAfter:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case WireServer:
		return refusal(r, 500, "InternalServerError", nil), nil
	case WireTruncated:
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(answer[:len(answer)/2]), cut{}))
		return response, nil
	case WireGarbled:
		response.Body = io.NopCloser(strings.NewReader(`{"ItemCollectionMetrics":`))
		response.Header.Del("X-Amz-Crc32")
		return response, nil
	default:
		return nil, syscall.ECONNRESET
	}
}

// cut is the end of a connection in the middle of an answer.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// reasons returns the reasons of a cancelled transaction whose last operation
// is at fault.
func reasons(operations int, code string) []map[string]string {
	all := make([]map[string]string, operations)
	for i := range all {
		all[i] = map[string]string{"Code": "None"}
	}
	if operations > 0 {
		all[operations-1] = map[string]string{"Code": code, "Message": "injected"}
	}
	return all
}

// refusal returns an error as DynamoDB writes it.
func refusal(r *http.Request, status int, code string, reasons []map[string]string) *http.Response {
	document := map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": "injected"}
	if reasons != nil {
		document["CancellationReasons"] = reasons
	}
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // maps of strings always encode
	}
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}
}
