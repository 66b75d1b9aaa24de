package bus

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/rollcall-scim/rollcall/internal/feed"
)

// Source is the source of all events, by which rules of a bus select them.
const Source = "rollcall"

// A Publisher puts events on a bus of EventBridge. The event's type is the detail-type, and
// its document the detail.
type Publisher struct {
	client *eventbridge.Client
	bus    string
	log    *slog.Logger
}

// NewPublisher returns the publisher of a function, for the bus of a name.
func NewPublisher(name string, log *slog.Logger) (*Publisher, error) {
	e, err := readEnvironment("EVENTBRIDGE")
	if err != nil {
		return nil, err
	}
	return e.newPublisher(name, log), nil
}

func (e environment) newPublisher(name string, log *slog.Logger) *Publisher {
	return &Publisher{bus: name, log: log, client: eventbridge.New(eventbridge.Options{
		Region: e.region, Credentials: credentials, BaseEndpoint: e.endpoint, HTTPClient: e.client, Retryer: e.retry,
		EndpointOptions: eventbridge.EndpointResolverOptions{UseFIPSEndpoint: e.fips, UseDualStackEndpoint: e.dual},
	})}
}

// Publish implements feed.Publisher. EventBridge answers 200 also if it refused some entries or
// all: each is looked at.
func (p *Publisher) Publish(ctx context.Context, messages []feed.Message) (refused []int, err error) {
	if len(messages) == 0 {
		return nil, nil
	}
	entries := make([]types.PutEventsRequestEntry, len(messages))
	for i, m := range messages {
		entries[i] = types.PutEventsRequestEntry{
			EventBusName: &p.bus, Source: aws.String(Source), DetailType: aws.String(string(m.Type)),
			Detail: aws.String(string(m.Detail)), Time: aws.Time(m.Time),
		}
	}
	out, err := p.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	if len(out.Entries) != len(messages) {
		return nil, fmt.Errorf("bus: PutEvents answered %d entries for %d", len(out.Entries), len(messages))
	}
	for i, entry := range out.Entries {
		if entry.ErrorCode == nil {
			continue
		}
		refused = append(refused, i)
		p.log.LogAttrs(ctx, slog.LevelWarn, "bus.refused", slog.String("event", "bus.refused"), slog.String("eventId", messages[i].ID),
			slog.String("type", string(messages[i].Type)), slog.String("code", *entry.ErrorCode), slog.String("error", aws.ToString(entry.ErrorMessage)))
	}
	return refused, nil
}
