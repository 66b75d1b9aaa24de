package scim

import "strconv"

// ErrorDocument returns the body of an error. Its status is a string. RFC 7644
// §3.12
func ErrorDocument(status int, e ErrorType, detail string) []byte {
	b := []byte(`{"schemas":["` + ErrorURN + `"],"status":"`)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, '"')
	if e != "" {
		b = append(b, `,"scimType":`...)
		b = appendString(b, string(e))
	}
	if detail != "" {
		b = append(b, `,"detail":`...)
		b = appendString(b, detail)
	}
	return append(b, '}')
}

// ListDocument returns a page of encoded resources. A page without resources
// has an empty array. RFC 7644 §3.4.2, §3.4.2.4
func ListDocument(total, startIndex int, resources [][]byte) []byte {
	b := listHead(total, resources)
	b = append(b, `,"startIndex":`...)
	b = strconv.AppendInt(b, int64(startIndex), 10)
	return listTail(b, resources)
}

// CursorListDocument returns a page of a walk by cursors. The total is negative
// if it is unknown; next and previous are empty if there is no such page. RFC
// 9865 §2
func CursorListDocument(total int, next, previous string, resources [][]byte) []byte {
	b := listHead(total, resources)
	for _, cursor := range [...]struct{ name, value string }{{"nextCursor", next}, {"previousCursor", previous}} {
		if cursor.value != "" {
			b = append(b, `,"`+cursor.name+`":`...)
			b = appendString(b, cursor.value)
		}
	}
	return listTail(b, resources)
}

func listHead(total int, resources [][]byte) []byte {
	size := 160
	for _, r := range resources {
		size += len(r) + 1
	}
	b := append(make([]byte, 0, size), `{"schemas":["`+ListURN+`"]`...)
	if total < 0 {
		return b
	}
	b = append(b, `,"totalResults":`...)
	return strconv.AppendInt(b, int64(total), 10)
}

func listTail(b []byte, resources [][]byte) []byte {
	b = append(b, `,"itemsPerPage":`...)
	b = strconv.AppendInt(b, int64(len(resources)), 10)
	b = append(b, `,"Resources":[`...)
	for i, r := range resources {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r...)
	}
	return append(b, "]}"...)
}
