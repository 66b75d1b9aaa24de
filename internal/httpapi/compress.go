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

	"github.com/rollcall-scim/rollcall/internal/provlog"
)

const (
	// maxAnswer is how many bytes the body of an answer may take in the event that
	// Lambda returns, quotes included. Lambda fails an invocation whose response is
	// larger than 6 MB; 64 KiB of them are left to status and headers, of which API
	// Gateway takes 10 KB. No document longer than this is sent without gzip: whoever
	// gathers one may stop there.
	maxAnswer = 6<<20 - 64<<10

	// minGzip is the shortest body that is worth compressing, in bytes: a shorter one
	// and its headers travel in one packet either way.
	minGzip = 1 << 10
)

// fit makes an answer one that can be sent: it codes the body as the client takes
// it, and replaces an answer that is larger than Lambda returns. It never cuts one.
//
// A read is refused, with the way out that the handler knows (request.wayOut) or
// the cause's. A change that was made is not refused, which would be a lie: its
// answer loses the body and keeps what is true without it, 201 with Location and
// ETag, or 204 for 200. RFC 7644 §3.3, §3.5.1 and §3.5.2 would have the resource
// there; it can be read. An error comes here as err, from handlers that stop before
// they have gathered more than can be sent.
func (s *Service) fit(ctx context.Context, q *request, a *reply, err error) *reply {
	switch {
	case err == nil && s.code(q, a):
		return a
	case err == nil:
		err = q.tooLarge(len(a.body))
	}
	p := problemOf(err)
	if p.cause == provlog.AnswerTooLarge {
		if q.changed() {
			return q.bare(a)
		}
		p.remedy = q.wayAroundSize()
	}
	s.nameUsers(ctx, q, p)
	refused := s.refuse(q, p)
	if !s.code(q, refused) {
		refused.body = nil // no detail is that long; the status says enough
	}
	return refused
}

// changed tells whether the request has done what it asked for.
func (q *request) changed() bool { return q.event.Action != "" }

// bare is the answer to a change without its body. A handler that stopped early has
// none.
func (q *request) bare(a *reply) *reply {
	if q.event.Outcome == outcomeSuccess {
		q.event.Outcome, q.event.Cause = outcomeWarning, string(provlog.AnswerTooLarge)
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

// tooLarge refuses an answer whose JSON is so many bytes long.
func (q *request) tooLarge(size int) *problem {
	what := fmt.Sprintf("The answer exceeds 6 MB, the most that can be returned: it has %d bytes of JSON", size)
	if q.acceptsGzip() {
		what += ", compressed too"
	}
	return &problem{cause: provlog.AnswerTooLarge, what: what + "."}
}

// wayAroundSize is the advice about an answer that is too large: what the handler
// knows, else what helps with any route.
func (q *request) wayAroundSize() provlog.Remedy {
	switch {
	case q.wayOut != "":
		return q.wayOut
	case !q.acceptsGzip():
		return provlog.AnswerPlain
	}
	return ""
}

// code puts an answer's body into the coding that the client takes, and tells
// whether it fits. gzip goes before plain where the client takes both alike, and
// where plain alone would not fit.
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
		return true // it holds nothing that repeats
	}
	a.body, a.coding = packed, "gzip"
	return true
}

// gzip compresses a body at the fastest level. On a page of 100 users the default
// one takes 2.5 times as long for a fifth less, and on the members of a group, which
// are mostly ids, as much longer for a twentieth less.
func (s *Service) gzip(body []byte) []byte {
	w, _ := s.gzips.Get().(*gzip.Writer)
	if w == nil {
		w, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for unknown levels alone
	}
	var packed bytes.Buffer
	packed.Grow(len(body)/4 + 64)
	w.Reset(&packed)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	w.Reset(io.Discard) // lets go of the buffer
	s.gzips.Put(w)
	return packed.Bytes()
}

// longestEscape is what JSON makes of one byte at most: \u0000.
const longestEscape = 6

// fits tells whether Lambda would return the body. A short one is not measured.
func fits(body []byte) bool {
	return longestEscape*len(body)+2 <= maxAnswer || eventLength(body) <= maxAnswer
}

// eventLength is what a body takes in the event that Lambda returns, in bytes: a
// JSON string of text, as encoding/json prints it without escaping HTML, and of
// base64 for anything else, with the quotes. Package lambdahttp makes it so.
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
	// The line and paragraph separators of JavaScript are three bytes, and escaped.
	n += (longestEscape - 3) * (bytes.Count(body, []byte("\u2028")) + bytes.Count(body, []byte("\u2029")))
	return n
}

// acceptsGzip tells whether an answer to the request may be sent compressed, so
// that several times as much fits.
func (q *request) acceptsGzip() bool {
	return acceptedCodings(q.Header.Values("Accept-Encoding")).gzip > 0
}

// codings are the weights of the codings that an answer can have, in thousandths;
// 0 is a coding that the client does not take.
type codings struct{ gzip, identity int }

// acceptedCodings reads Accept-Encoding. Without it, or when it is empty, answers
// are plain: who does not ask may not know gzip. A member that is malformed says
// nothing; of a coding given twice the lower weight holds. identity that is not
// mentioned is taken, after everything that is. RFC 9110 §12.5.3, §8.4.1.3
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

// parseWeight reads q=0.5, in thousandths. RFC 9110 §12.4.2
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
