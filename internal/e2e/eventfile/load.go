package eventfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	eventSuffix = ".json"
	wantSuffix  = ".want.json"
)

// An Event is one file under events/ with its expected answer.
type Event struct {
	// Name is the path in the folder without its suffix: okta/create_user.
	Name string
	// RouteKey is the route that API Gateway would have chosen, or "" for an
	// event that is not from API Gateway.
	RouteKey string
	// Function is the function in template.yaml that an event without a route is for, "" if the
	// event does not say so.
	Function string
	Payload  []byte
	Want     Want
}

// Load reads all events of a folder, sorted by name. A file that is neither an
// event nor its expected answer, and an unknown field, are errors.
func Load(folder string) ([]Event, error) {
	var events []Event
	wants := map[string]bool{}
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch {
		case strings.HasSuffix(name, wantSuffix):
			wants[strings.TrimSuffix(name, wantSuffix)] = true
			return nil
		case !strings.HasSuffix(name, eventSuffix):
			if path.Base(name) == "README.md" {
				return nil
			}
			return fmt.Errorf("%s is neither an event nor an expected answer", name)
		}
		event, err := Read(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(folder, strings.TrimSuffix(name, eventSuffix))
		if err != nil {
			return err
		}
		event.Name = filepath.ToSlash(relative)
		events = append(events, event)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("eventfile: %w", err)
	}
	for _, e := range events {
		delete(wants, filepath.Join(folder, filepath.FromSlash(e.Name)))
	}
	for name := range wants {
		return nil, fmt.Errorf("eventfile: %s%s belongs to no event", name, wantSuffix)
	}
	slices.SortFunc(events, func(a, b Event) int { return strings.Compare(a.Name, b.Name) })
	return events, nil
}

// Read reads one event, and the expected answer beside it.
func Read(name string) (Event, error) {
	payload, err := os.ReadFile(name)
	if err != nil {
		return Event{}, err
	}
	event := Event{Name: strings.TrimSuffix(filepath.Base(name), eventSuffix), Payload: payload}
	var request struct {
		RouteKey string `json:"routeKey"`
	}
	if err := json.Unmarshal(payload, &request); err != nil {
		return Event{}, fmt.Errorf("%s: %w", name, err)
	}
	event.RouteKey, event.Function = request.RouteKey, FunctionOf(payload)
	want, err := os.ReadFile(WantPath(name))
	if err != nil {
		return Event{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(want))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&event.Want); err != nil {
		return Event{}, fmt.Errorf("%s: %w", WantPath(name), err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Event{}, fmt.Errorf("%s: more than one object", WantPath(name))
	}
	if file := event.Want.BodyFile; file != "" {
		body, err := os.ReadFile(filepath.Join(filepath.Dir(name), file))
		if err == nil {
			err = json.Unmarshal(body, &event.Want.Body)
		}
		if err != nil {
			return Event{}, fmt.Errorf("%s: %w", WantPath(name), err)
		}
	}
	if event.Want.About == "" {
		return Event{}, fmt.Errorf("%s: about is missing: say who sends the event and what must hold", WantPath(name))
	}
	return event, nil
}

// scheduled matches the rule that SAM makes for a function's event Schedule.
var scheduled = regexp.MustCompile(`:rule/.*?(\w+Function)Schedule`)

// FunctionOf returns the function that an event of a schedule, a stream or a queue is for, as
// template.yaml names it; "" for any other event.
func FunctionOf(payload []byte) string {
	var event struct {
		Source    string   `json:"source"`
		Resources []string `json:"resources"`
		Records   []struct {
			Source string `json:"eventSource"`
		} `json:"Records"`
	}
	if json.Unmarshal(payload, &event) != nil {
		return ""
	}
	if len(event.Records) > 0 {
		return map[string]string{"aws:dynamodb": "FeedFunction", "aws:sqs": "DeliverFunction"}[event.Records[0].Source]
	}
	if event.Source == "aws.events" && len(event.Resources) == 1 {
		if rule := scheduled.FindStringSubmatch(event.Resources[0]); rule != nil {
			return rule[1]
		}
	}
	return ""
}

// WantPath returns the file of the expected answer of an event's file.
func WantPath(name string) string { return strings.TrimSuffix(name, eventSuffix) + wantSuffix }
