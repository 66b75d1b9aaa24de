package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A request is a request in progress: what was sent, and what is known of it so
// far.
type request struct {
	*http.Request
	id     string
	start  time.Time
	route  *Route
	pathID string
	grant  access.Grant
	event  *event
	query  parameters
	// notices are the deviations from the RFC that were accepted in the body.
	notices []scim.Notice
	// faults are the faulty settings that the values in the body show.
	faults []setting.Finding
	// badQuery is set if the parameters of the query are invalid.
	badQuery bool
	// lookout finds out whether the request's subjects are failing. It is nil for
	// a request that changes nothing.
	lookout *lookout
	// unkept is set if nothing is stored about the request.
	unkept bool
	// accepted is set if a token of the tenant's rate was taken, and filters are
	// those of the request, whose work is paid for afterwards.
	accepted bool
	filters  []*match.Filter
	// noted waits until the use of the token is recorded. It is nil if nothing is
	// to be recorded.
	noted func()
	// wayOut is the advice for an answer that is too large, from routes that know
	// better than the cause, or "" if there is none.
	wayOut cause.Remedy
	// largeGroup is the id of the group whose members wayOut is about, or "" if
	// there is none.
	largeGroup string
}

// MaxBody is the largest body accepted, in bytes. The limit holds while the
// body is read.
const MaxBody = 1 << 20

// mediaType is the type of every answer. RFC 7644 §8.1
const mediaType = "application/scim+json"

// body returns the request's body.
func (q *request) body() ([]byte, error) {
	if err := q.checkMediaType(); err != nil {
		return nil, err
	}
	body, err := web.ReadBody(q.Request, MaxBody)
	switch {
	case errors.Is(err, web.ErrBodyTooLarge):
		return nil, &problem{cause: cause.BodyTooLarge}
	case err != nil:
		return nil, &scim.Error{Type: scim.InvalidSyntax, Detail: "The body could not be read completely."}
	case len(body) == 0:
		return nil, &scim.Error{Type: scim.InvalidSyntax, Detail: "The body is empty; a JSON object is expected."}
	}
	return body, exposedInBody(body)
}

// checkMediaType accepts SCIM's media type and plain JSON. A body without a
// type counts as SCIM's. JSON is UTF-8 whatever charset the header names (utf8,
// us-ascii): other bytes are refused when the body is decoded. RFC 8259 §8.1,
// §11
func (q *request) checkMediaType() error {
	if encoding := q.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return &problem{cause: cause.MediaType}
	}
	switch web.MediaType(q.Request) {
	case "", mediaType, "application/json":
		return nil
	}
	return &problem{cause: cause.MediaType}
}

// page returns startIndex, which counts from 1, and count, which is 100 by
// default and at most directory.MaxCount. RFC 7644 §3.4.2.4
func (q *request) page() (startIndex, count int, err error) {
	if startIndex, err = q.integer("startIndex", 1); err != nil {
		return 0, 0, err
	}
	if count, err = q.integer("count", defaultCount); err != nil {
		return 0, 0, err
	}
	return max(startIndex, 1), min(max(count, 0), directory.MaxCount), nil
}

const defaultCount = 100

// projection returns attributes and excludedAttributes. RFC 7644 §3.9
func (q *request) projection(rt *schema.ResourceType) (p resource.Projection, err error) {
	defer func() { q.badQuery = err != nil }()
	attributes, err := q.parameter("attributes")
	if err != nil {
		return resource.Projection{}, err
	}
	excluded, err := q.parameter("excludedAttributes")
	if err != nil {
		return resource.Projection{}, err
	}
	list := func(text string) []string {
		if text == "" {
			return nil
		}
		return []string{text}
	}
	projection, err := resource.ParseProjection(rt, list(attributes), list(excluded))
	if err != nil {
		return resource.Projection{}, err
	}
	q.event.tolerated(projection.Notices())
	return projection, directory.CheckNotices(q.grant.Settings, projection.Notices())
}

// ifMatch returns the versions at which the request may act. A tag that this
// service cannot have issued names none. RFC 7644 §3.14
func (q *request) ifMatch() directory.Versions {
	versions, _ := parseTags(q.Header.Values("If-Match"))
	return versions
}

// notModified reports whether the client already has this version.
func (q *request) notModified(version int64) bool {
	known, sent := parseTags(q.Header.Values("If-None-Match"))
	return sent && known.Allow(version)
}

// parseTags parses a list of entity tags, and reports whether there are any;
// weak and strong ones compare equal. "*" stands for all versions.
// RFC 9110 §8.8.3
func parseTags(headers []string) (versions directory.Versions, sent bool) {
	named, all := directory.Versions{}, false
	for _, header := range headers {
		for tag := range strings.SplitSeq(header, ",") {
			tag = strings.TrimSpace(tag)
			sent = sent || tag != ""
			all = all || tag == "*"
			text, opened := strings.CutPrefix(strings.TrimPrefix(tag, "W/"), `"`)
			text, closed := strings.CutSuffix(text, `"`)
			n, err := strconv.ParseInt(text, 10, 64)
			if opened && closed && err == nil && strconv.FormatInt(n, 10) == text {
				named = append(named, n)
			}
		}
	}
	if all || !sent {
		return nil, sent
	}
	return named, sent
}
