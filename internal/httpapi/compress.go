package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

const (
	// maxAnswer is the largest body of an answer, in bytes of the event that
	// Lambda returns, quotes included. Lambda fails an invocation whose
	// response exceeds 6 MB; 64 KiB of it is reserved for status and headers,
	// of which API Gateway allows 10 KB. A longer document is never sent
	// without gzip, so code that collects one may stop there.
	maxAnswer = 6<<20 - 64<<10

	// minGzip is the shortest body that is compressed, in bytes: a shorter one
	// fits in one packet with its headers either way.
	minGzip = 1 << 10
)

// fit returns an answer that can be sent: it encodes the body as the client
// accepts it, and replaces an answer that is larger than Lambda returns. It
// never truncates one.
//
// A read that is too large is refused, with the advice of the handler
// (request.wayOut) or of the cause. A change that was made is not refused,
// since it did happen: its answer loses the body and keeps what is still true,
// 201 with Location and ETag, or 204 in place of 200. The resource, which the
// RFC wants in that answer, can be read. Handlers that stop before they have
// collected too much pass the error as err. RFC 7644 §3.3, §3.5.1, §3.5.2
func (s *Service) fit(ctx context.Context, q *request, a *reply, err error) *reply {
	switch {
	case err == nil && s.code(q, a):
		return a
	case err == nil:
		err = q.tooLarge(len(a.body))
	}
	p := problemOf(err)
	if p.cause == cause.AnswerTooLarge {
		if q.changed() {
			return q.bare(a)
		}
		p.remedy = q.wayAroundSize()
		if directory.ValidID(q.largeGroup) {
			p.what += fmt.Sprintf(" GET %s/Users?filter=groups.value eq %q lists them page by page.", Prefix, q.largeGroup)
		}
	}
	s.nameUsers(ctx, q, p)
	refused := s.refuse(q, p)
	if !s.code(q, refused) {
		refused.body = nil // no detail is that long; the status is enough
	}
	return refused
}

// changed reports whether the request's change was made.
func (q *request) changed() bool { return q.event.Action != "" }

// bare returns the answer to a change without its body. a is nil if the handler
// stopped early.
func (q *request) bare(a *reply) *reply {
	if q.event.Outcome == journal.Success {
		q.event.Outcome, q.event.Cause = journal.Warning, cause.AnswerTooLarge
	}
	if a == nil {
		return &reply{status: http.StatusNoContent}
	}
	status := a.status
	if status == http.StatusOK {
		status = http.StatusNoContent
	}
	return &reply{status: status, location: a.location, etag: a.etag}
}

// tooLarge refuses an answer with size bytes of JSON.
func (q *request) tooLarge(size int) *problem {
	what := fmt.Sprintf("The answer exceeds 6 MB, the most that can be returned: it has %d bytes of JSON", size)
	if q.acceptsGzip() {
		what += ", compressed too"
	}
	return &problem{cause: cause.AnswerTooLarge, what: what + "."}
}

// wayAroundSize returns the advice about an answer that is too large: the
// handler's, or one that fits every route.
func (q *request) wayAroundSize() cause.Remedy {
	switch {
	case q.wayOut != "":
		return q.wayOut
	case !q.acceptsGzip():
		return cause.AnswerPlain
	}
	return ""
}

// code encodes an answer's body in a coding that the client accepts, and
// reports whether the result fits. gzip is used if the client gives both the
// same weight, or if only gzip fits.
func (s *Service) code(q *request, a *reply) bool {
	if a.body == nil {
		return true
	}
	coded := acceptedCodings(q.Header.Values("Accept-Encoding"))
	if coded.gzip == 0 || len(a.body) < minGzip && coded.identity > 0 {
		return fits(a.body)
	}
	plain := fits(a.body)
	if plain && coded.gzip < coded.identity {
		return true
	}
	packed := s.gzip(a.body)
	switch {
	case !fits(packed):
		return plain
	case plain && len(packed) >= len(a.body) && coded.identity > 0:
		return true // it does not compress
	}
	a.body, a.coding = packed, "gzip"
	return true
}

// gzip compresses a body at the fastest level. The default level takes 2.5
// times as long: a page of 100 users becomes a fifth smaller by it, the members
// of a group, mostly ids, a twentieth.
func (s *Service) gzip(body []byte) []byte {
	w, _ := s.gzips.Get().(*gzip.Writer)
	if w == nil {
		w, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails only for an unknown level
	}
	var packed bytes.Buffer
	packed.Grow(len(body)/4 + 64)
	w.Reset(&packed)
	_, _ = w.Write(body) // a buffer never fails
	_ = w.Close()
	w.Reset(io.Discard) // releases the buffer
	s.gzips.Put(w)
	return packed.Bytes()
}

// longestEscape is the longest JSON escape of one byte: \u0000.
const longestEscape = 6

// fits reports whether Lambda can return the body. A short body is not
// measured.
func fits(body []byte) bool {
	return longestEscape*len(body)+2 <= maxAnswer || eventLength(body) <= maxAnswer
}

// eventLength returns the length of a body in the event that Lambda returns, in
// bytes, quotes included: a JSON string of the text as encoding/json writes it
// without escaping HTML, and base64 for anything but text. Package lambdahttp
// encodes it.
func eventLength(body []byte) int {
	if !utf8.Valid(body) {
		return base64.StdEncoding.EncodedLen(len(body)) + 2
	}
	n := len(body) + 2
	for _, c := range body {
		switch {
		case c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t':
			n++
		case c < ' ':
			n += longestEscape - 1
		}
	}
	// JavaScript's line and paragraph separators have three bytes, and are
	// escaped.
	n += (longestEscape - 3) * (bytes.Count(body, []byte("\u2028")) + bytes.Count(body, []byte("\u2029")))
	return n
}

// acceptsGzip reports whether the client accepts a compressed answer, in which
// several times as much fits.
func (q *request) acceptsGzip() bool {
	return acceptedCodings(q.Header.Values("Accept-Encoding")).gzip > 0
}

// A codings has the weights of the codings that the client accepts, in
// thousandths; 0 is not acceptable.
type codings struct{ gzip, identity int }

// acceptedCodings parses Accept-Encoding. Without it, or if it is empty, answers
// are plain: the client may not know gzip. A malformed member is ignored; of a
// coding given twice the lower weight counts. identity is accepted even if it is
// not named, but after every coding that is. RFC 9110 §12.5.3, §8.4.1.3
func acceptedCodings(headers []string) codings {
	const unsaid = -1
	zip, identity, other := unsaid, unsaid, unsaid
	for _, header := range headers {
		for member := range strings.SplitSeq(header, ",") {
			name, parameter, weighted := strings.Cut(member, ";")
			weight := 1000
			if weighted {
				var ok bool
				if weight, ok = parseWeight(parameter); !ok {
					continue
				}
			}
			said := &other
			switch strings.ToLower(strings.Trim(name, " \t")) {
			case "gzip", "x-gzip":
				said = &zip
			case "identity":
				said = &identity
			case "*":
			default:
				continue
			}
			if *said == unsaid || weight < *said {
				*said = weight
			}
		}
	}
	if zip == unsaid {
		zip = max(other, 0)
	}
	if identity == unsaid {
		identity = other
	}
	if identity == unsaid {
		identity = 1
	}
	return codings{gzip: zip, identity: identity}
}

// parseWeight parses a weight, for example q=0.5, in thousandths. RFC 9110
// §12.4.2
func parseWeight(s string) (thousandths int, ok bool) {
	s = strings.Trim(s, " \t")
	if len(s) < 2 || !strings.EqualFold(s[:2], "q=") {
		return 0, false
	}
	whole, part, _ := strings.Cut(s[2:], ".")
	if whole != "0" && whole != "1" || len(part) > 3 {
		return 0, false
	}
	for i := range len(part) {
		if part[i] < '0' || part[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(whole + (part + "000")[:3])
	return n, err == nil && n <= 1000
}
