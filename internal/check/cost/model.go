package cost

import "math"

// The parameters of the model: what cannot be measured without AWS.
const (
	// fullProcessor is the memory at which a function has one whole processor.
	fullProcessor = 1769
	// tripMS is how long a call of DynamoDB takes, in milliseconds.
	tripMS = 6
	// processorMS is the processor time of a request, and tripProcessorMS that of each
	// call of DynamoDB, in milliseconds of one whole processor.
	processorMS     = 0.5
	tripProcessorMS = 0.5
	// coldShare is the share of requests that start an instance, and startMS the
	// time of the start.
	coldShare = 0.01
	startMS   = 150
	// inARow is how many requests of one tenant an instance answers within the ten
	// seconds for which it keeps the token.
	inARow = 20
	// traced is the share of requests that X-Ray samples by default.
	traced = 0.05
)

// bill has the dollars of each item.
type bill map[string]float64

func (b bill) total() float64 {
	sum := 0.0
	for _, item := range items {
		sum += b[item]
	}
	return sum
}

// setup is everything that a bill depends on, except the traffic.
type setup struct {
	deployment Deployment
	measured   Measured
	prices     Prices
}

// ofRequest returns the bill of one request of an operation.
func (s setup) ofRequest(operation string) bill {
	u, d := s.measured.Of(operation), s.deployment
	share := float64(u.RoundTrips) + float64(s.measured.First.RoundTrips)/inARow
	gigabyteSeconds := s.duration(share) * float64(d.MemoryMB) / 1024 / 1000
	quantities := bill{
		itemAPI: 1, itemRequests: 1, itemTime: gigabyteSeconds,
		itemReads:   u.ReadUnits + s.measured.First.ReadUnits/inARow,
		itemWrites:  u.WriteUnits + s.measured.First.WriteUnits/inARow,
		itemLogs:    s.logBytes(operation),
		itemAnswers: float64(u.AnswerBytes),
	}
	if d.Tracing {
		quantities[itemTraces] = traced
	}
	b := bill{}
	for item, quantity := range quantities {
		b[item] = quantity * s.prices.Of(item)
	}
	return b
}

// duration returns the billed milliseconds of a request with this many round
// trips, the start of instances included.
func (s setup) duration(trips float64) float64 {
	processor := (processorMS + tripProcessorMS*trips) * fullProcessor / float64(s.deployment.MemoryMB)
	return math.Ceil(processor+tripMS*trips) + coldShare*startMS
}

// logBytes returns the size of all log lines of a request.
func (s setup) logBytes(operation string) float64 {
	u, d := s.measured.Of(operation), s.deployment
	event := 0.0
	if u.EventBytes > 0 {
		event = float64(u.EventBytes + perEvent)
	}
	if sampled[operation] {
		event /= float64(d.SampleReads)
	}
	return event + float64(d.accessBytes()+d.platformBytes())
}

// sampled are the successful reads.
var sampled = map[string]bool{findUser: true, findNobody: true, readUser: true, listUsers: true, findGroup: true, readGroup: true}

// of returns the bill of a number of requests of a model of traffic.
func (s setup) of(m traffic, requests float64) bill {
	sum := bill{}
	for _, share := range m.shares() {
		for item, dollars := range s.ofRequest(share.operation) {
			sum[item] += dollars * share.part * requests
		}
	}
	return sum
}
