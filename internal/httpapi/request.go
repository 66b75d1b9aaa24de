package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// request is a request on its way: what was sent, and what has been found out.
type request struct {
	*http.Request
	id     string
	start  time.Time
	route  *Route
	pathID string
	grant  access.Grant
	event  *event
	query  parameters
	// notices are what was tolerated in the body.
	notices []scim.Notice
	// badQuery reports that the parameters of the query are at fault.
	badQuery bool
	// lookout finds out whether its subjects fail already, nil for none.
	lookout *lookout
	// unkept tells that nothing is kept of the request.
	unkept bool
	// noted ends the note that the token was used, nil for none.
	noted func()
	// wayOut is the advice for an answer that is too large, for the routes that know
	// better than the cause's own; "" is that.
	wayOut provlog.Remedy
}

// MaxBody is the largest body taken, in bytes. It is enforced while the body is
// read.
const MaxBody = 1 << 20

// mediaType is what every answer is. RFC 7644 §8.1
const mediaType = "application/scim+json"

// body reads the request's body.
func (q *request) body() ([]byte, error) {
	if err := q.checkMediaType(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, q.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &problem{cause: provlog.BodyTooLarge}
	case err != nil:
		return nil, &scim.Error{Type: scim.InvalidSyntax, Detail: "The body could not be read whole."}
	case len(body) == 0:
		return nil, &scim.Error{Type: scim.InvalidSyntax, Detail: "The body is empty; a JSON object is expected."}
	}
	return body, exposedInBody(body)
}

// checkMediaType takes SCIM's media type and plain JSON. A body without a type is
// taken as SCIM's. JSON is UTF-8 whatever the label says (utf8, us-ascii): bytes
// that are not are refused when the body is decoded. RFC 8259 §8.1, §11
func (q *request) checkMediaType() error {
	if encoding := q.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return &problem{cause: provlog.MediaType}
	}
	kind, _, _ := strings.Cut(q.Header.Get("Content-Type"), ";")
	switch kind = strings.ToLower(strings.Trim(kind, " \t")); kind {
	case "", mediaType, "application/json":
		return nil
	}
	return &problem{cause: provlog.MediaType}
}

// page is startIndex and count: startIndex from 1, and count by default 100 and
// at most directory.MaxCount. RFC 7644 §3.4.2.4
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

// projection is attributes and excludedAttributes. RFC 7644 §3.9
func (q *request) projection(rt *scim.ResourceType) (p scim.Projection, err error) {
	defer func() { q.badQuery = err != nil }()
	attributes, err := q.parameter("attributes")
	if err != nil {
		return scim.Projection{}, err
	}
	excluded, err := q.parameter("excludedAttributes")
	if err != nil {
		return scim.Projection{}, err
	}
	list := func(text string) []string {
		if text == "" {
			return nil
		}
		return []string{text}
	}
	projection, err := scim.ParseProjection(rt, list(attributes), list(excluded))
	if err != nil {
		return scim.Projection{}, err
	}
	q.event.tolerated(projection.Notices())
	return projection, directory.CheckNotices(q.grant.Settings, projection.Notices())
}

// ifMatch is the request's precondition. A tag that this service cannot have
// made matches nothing. RFC 7644 §3.14
func (q *request) ifMatch() directory.Precondition { return parseTags(q.Header.Values("If-Match")) }

// notModified tells whether the client has this version already.
func (q *request) notModified(version int64) bool {
	known := parseTags(q.Header.Values("If-None-Match"))
	return known.Set && known.Allows(version)
}

// parseTags reads a list of entity tags; weak and strong ones compare alike.
// RFC 9110 §8.8.3
func parseTags(headers []string) directory.Precondition {
	var p directory.Precondition
	for _, header := range headers {
		for tag := range strings.SplitSeq(header, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "" {
				continue
			}
			p.Set = true
			if tag == "*" {
				p.Any = true
				continue
			}
			text, opened := strings.CutPrefix(strings.TrimPrefix(tag, "W/"), `"`)
			text, closed := strings.CutSuffix(text, `"`)
			n, err := strconv.ParseInt(text, 10, 64)
			if opened && closed && err == nil && strconv.FormatInt(n, 10) == text {
				p.Versions = append(p.Versions, n)
			}
		}
	}
	return p
}
