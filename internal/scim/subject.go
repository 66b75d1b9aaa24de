package scim

// Subject returns the subject of a body, even if the rest of the body is
// invalid: the userName, or else the first email, or else the displayName (of a
// group), and the externalId. A value that is missing or not a string is "". It
// is for the log of a refused request.
func Subject(body []byte) (name, externalID string) {
	v, err := DecodeJSON(body)
	if err != nil {
		return "", ""
	}
	object, _ := v.(map[string]any)
	return Resource(object).Subject()
}

// Subject returns the subject of a resource, short enough for a log line.
func (r Resource) Subject() (name, externalID string) {
	text := func(v any) string {
		s, _ := v.(string)
		if len(s) > maxNoticeName {
			return NoticeName(s)
		}
		return s
	}
	name = text(Member(r, "userName"))
	emails, _ := Member(r, "emails").([]any)
	for _, e := range emails {
		if email, _ := e.(map[string]any); name == "" {
			name = text(Member(email, "value"))
		}
	}
	if name == "" {
		name = text(Member(r, "displayName"))
	}
	return name, text(Member(r, "externalId"))
}
