package scim

import "slices"

// The kinds of Notice.
const (
	// NoticeUnknownAttribute: an attribute that no schema defines was left out.
	NoticeUnknownAttribute = "unknown_attribute"
	// NoticeSchemasMissing: schemas was absent, empty, or without the core URN.
	NoticeSchemasMissing = "schemas_missing"
	// NoticeUnknownSchema: schemas lists a URN the resource type does not have.
	NoticeUnknownSchema = "unknown_schema"
	// NoticeSchemasIgnored: a PATCH names schemas, which is always recomputed.
	NoticeSchemasIgnored = "schemas_ignored"
	// NoticeStringBoolean: "True" or "False" was taken as a boolean. Entra sends
	// them: internal/replay entra-013-disable-string.
	NoticeStringBoolean = "string_boolean"
	// NoticeSingleValue: one object was taken as an array of one.
	NoticeSingleValue = "single_value"
	// NoticeBareValue: a string was taken as the value of a complex attribute.
	// Entra sends managers so: internal/replay entra-032-manager-string.
	NoticeBareValue = "bare_value"
	// NoticeStringifiedValue: a value that is JSON in a string was unwrapped.
	// Entra sends roles so: internal/replay entra-029-roles-stringified.
	NoticeStringifiedValue = "stringified_value"
	// NoticeNestedValue: a value that repeats its attribute's name was unwrapped.
	NoticeNestedValue = "nested_value"
	// NoticeReference: a member without a value was taken to be the user that its
	// $ref leads to.
	NoticeReference = "value_from_reference"
	// NoticeTopLevel: an attribute of rollcall's extension stood at the top level.
	NoticeTopLevel = "top_level_attribute"
	// NoticeSecondPrimary: more than one value was primary; the first one stays.
	NoticeSecondPrimary = "second_primary"
	// NoticeKept: an attribute that always has a value was not removed.
	NoticeKept = "value_kept"
)

// Every distinct notice is told once, and so many that they fit in an event.
const (
	maxNotices    = 32
	maxNoticeName = 128
)

// notices collects what was tolerated in one request.
type notices []Notice

func (n *notices) add(kind, attribute string) {
	notice := Notice{Kind: kind, Attribute: noticeName(attribute)}
	if len(*n) < maxNotices && !slices.Contains(*n, notice) {
		*n = append(*n, notice)
	}
}

// noticeName makes a name that came with a request fit to be printed.
func noticeName(name string) string {
	if len(name) > maxNoticeName {
		name = name[:maxNoticeName]
	}
	out := []byte(name)
	for i, c := range out {
		if c < ' ' || c > '~' {
			out[i] = '?'
		}
	}
	return string(out)
}
