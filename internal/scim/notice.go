package scim

import (
	"maps"
	"slices"
)

// The kinds of Notice.
const (
	// NoticeUnknownAttribute: an attribute that no schema defines was left out.
	NoticeUnknownAttribute = "unknown_attribute"
	// NoticeSchemasMissing: schemas was absent, empty, or without the core URN.
	NoticeSchemasMissing = "schemas_missing"
	// NoticeUnknownSchema: schemas lists a URN the resource type does not have.
	NoticeUnknownSchema = "unknown_schema"
	// NoticeSchemasIgnored: a PATCH names schemas, which are always recomputed.
	NoticeSchemasIgnored = "schemas_ignored"
	// NoticeStringBoolean: "True" or "False" was accepted as a boolean. Entra
	// sends them: internal/e2e/replay entra-013-disable-string.
	NoticeStringBoolean = "string_boolean"
	// NoticeStringNumber: a string of digits was accepted as a number. The
	// SCIM-SDK's client sends count and startIndex of a search this way.
	NoticeStringNumber = "string_number"
	// NoticeSingleValue: one object was accepted as an array of one.
	NoticeSingleValue = "single_value"
	// NoticeBareValue: a bare value, for example a string, was accepted as the
	// value of a complex attribute, or of one of its elements. Entra sends
	// managers this way: internal/e2e/replay entra-032-manager-string.
	NoticeBareValue = "bare_value"
	// NoticeStringifiedValue: a complex value, the attributes of an extension,
	// or the whole value of an operation was decoded from JSON in a string.
	// Entra sends roles this way: internal/e2e/replay entra-029-roles-stringified.
	NoticeStringifiedValue = "stringified_value"
	// NoticeWrappedValue: the value of a singular attribute was taken out of an
	// array of one. Entra's old client sends this:
	// events/entra/disable_user_in_array.
	NoticeWrappedValue = "wrapped_value"
	// NoticeMemberType: a member that is said not to be a user was judged by
	// its id. PingFederate sends the type "value":
	// events/other/create_group_member_type.
	NoticeMemberType = "member_type"
	// NoticeNestedValue: a value that repeats its attribute's name was unwrapped.
	NoticeNestedValue = "nested_value"
	// NoticeReference: a member without a value was accepted as the user that
	// its $ref names.
	NoticeReference = "value_from_reference"
	// NoticeNotURI: a reference is not a URI, for example because of a space.
	// It was stored as it is.
	NoticeNotURI = "not_a_uri"
	// NoticeTopLevel: an attribute of an extension that always has a value was
	// at the top level.
	NoticeTopLevel = "top_level_attribute"
	// NoticeUnqualified: an attribute of an extension was sent without the URN
	// of its schema. Entra's own documentation sets a manager this way:
	// events/entra/set_manager_unqualified.
	NoticeUnqualified = "unqualified_attribute"
	// NoticeAmbiguous: a name without a URN, which more than one extension has,
	// was left out.
	NoticeAmbiguous = "ambiguous_attribute"
	// NoticeDottedURN: there was a dot between the URN of a schema and an
	// attribute.
	NoticeDottedURN = "dotted_urn"
	// NoticeCoreObject: attributes of the core schema were in an object under
	// its URN, as those of an extension are.
	NoticeCoreObject = "core_object"
	// NoticeUnknownPath: an operation of a PATCH was left out, because its path
	// begins with the URN of a schema that this service does not have.
	NoticeUnknownPath = "unknown_path"
	// NoticeSecondPrimary: more than one value was primary; the first one
	// stays.
	NoticeSecondPrimary = "second_primary"
	// NoticeKept: an attribute that always has a value was not removed.
	NoticeKept = "value_kept"
	// NoticeOperationCase: op was not in lower case. Entra sends Add, Replace
	// and Remove: internal/e2e/replay entra-013-disable-string.
	NoticeOperationCase = "operation_case"
	// NoticeNoOperations: a PATCH had no operations. Entra sends this:
	// internal/e2e/replay entra-g17-empty-operations.
	NoticeNoOperations = "no_operations"
	// NoticePathInValue: a name in a value without a path was itself a path.
	// Okta and Entra send them: internal/e2e/replay entra-023-ext-path-bool-string.
	NoticePathInValue = "path_in_value"
	// NoticeRemovedValues: a remove had a value, and removed only that. Entra
	// sends it: internal/e2e/replay entra-g07-remove-member-value-array.
	NoticeRemovedValues = "removed_values"
	// NoticeMadeValue: an operation created the value that its path did not
	// match. Entra relies on it: internal/e2e/replay
	// entra-025-email-replace-creates.
	NoticeMadeValue = "made_value"
	// NoticeFilterBoolean: a filter in a path compared a boolean with a string.
	NoticeFilterBoolean = "filter_boolean"
	// NoticeFilterForm: a filter had a form beyond the grammar: a comparison
	// after brackets, as Entra sends it (internal/e2e/replay
	// entra-006-match-work-email), brackets after a singular attribute, or a
	// whole extension with pr.
	NoticeFilterForm = "filter_form"
	// NoticeFilterSpaces: a filter left out a space that the grammar requires.
	NoticeFilterSpaces = "filter_spaces"
)

// refusals are the errors, by kind, for a tenant that accepts no dialect.
var refusals = map[string]struct {
	t    ErrorType
	says string
}{
	NoticeUnknownAttribute: {InvalidSyntax, "is not in any schema of this service: remove it from the attribute mapping of the identity provider"},
	NoticeSchemasMissing:   {InvalidSyntax, "must list the URN of the request's schema"},
	NoticeUnknownSchema:    {InvalidSyntax, "is not a schema of this request: remove it from schemas"},
	NoticeSchemasIgnored:   {NotMutable, "is computed from the attributes and cannot be changed by an operation"},
	NoticeStringBoolean:    {InvalidValue, "is a boolean: send true or false without quotes"},
	NoticeStringNumber:     {InvalidValue, "is a number: send it without quotes"},
	NoticeSingleValue:      {InvalidValue, "has many values: send an array"},
	NoticeBareValue:        {InvalidValue, "is complex: send an object with value"},
	NoticeStringifiedValue: {InvalidValue, "is complex: send an object, not JSON in a string"},
	NoticeWrappedValue:     {InvalidValue, "has one value: send it alone, without an array or an object around it"},
	NoticeMemberType:       {InvalidValue, "must be users: leave out groups, and send the type User or no type"},
	NoticeNestedValue:      {InvalidValue, "is repeated inside its own value: send the values alone"},
	NoticeReference:        {InvalidValue, "needs a value in each of its elements: $ref is not enough"},
	NoticeNotURI:           {InvalidValue, "must be a URI: percent-encode spaces and non-ASCII letters"},
	NoticeTopLevel:         {InvalidSyntax, "is an attribute of an extension: send it with the URN of its schema"},
	NoticeUnqualified:      {InvalidSyntax, "was sent without the URN of its schema: send the whole name"},
	NoticeAmbiguous:        {InvalidSyntax, "is in more than one schema: send the whole name"},
	NoticeDottedURN:        {InvalidSyntax, "was sent with a dot after the URN of its schema: send a colon there"},
	NoticeCoreObject:       {InvalidSyntax, "is the core schema, whose attributes belong at the top level: send them without the object around them"},
	NoticeUnknownPath:      {InvalidPath, "begins with the URN of a schema that this service does not have: remove it from the attribute mapping"},
	NoticeSecondPrimary:    {InvalidValue, "may have only one primary value"},
	NoticeKept:             {NotMutable, "always has a value and cannot be removed"},
	NoticeOperationCase:    {InvalidSyntax, "must be add, replace or remove, in lower case"},
	NoticeNoOperations:     {InvalidSyntax, "must have at least one operation"},
	NoticePathInValue:      {InvalidPath, "is a path: send it as the path of an operation, not as a name in its value"},
	NoticeRemovedValues:    {InvalidValue, "cannot be removed in part by a value: select the values with a filter in the path"},
	NoticeMadeValue:        {NoTarget, "has no value that matches the path"},
	NoticeFilterBoolean:    {InvalidFilter, "is a boolean: compare it with true or false without quotes"},
	NoticeFilterForm:       {InvalidFilter, "is used in a form that is not in the grammar of RFC 7644 §3.4.2.2: brackets belong after an attribute with many values, with the whole condition inside"},
	NoticeFilterSpaces:     {InvalidFilter, "needs a space on both sides of each operator"},
}

// NoticeKinds returns the kinds of Notice, sorted.
func NoticeKinds() []string { return slices.Sorted(maps.Keys(refusals)) }

// Refusal returns the error for a tenant that does not accept what was
// tolerated.
func (n Notice) Refusal() *Error {
	r := refusals[n.Kind]
	detail := n.Attribute + " " + r.says
	if n.Instead != "" {
		detail += ", " + n.Instead
	}
	return &Error{Type: r.t, Rule: Rule(n.Kind), Attribute: n.Attribute, Detail: detail + ". This tenant accepts only what RFC 7643 and RFC 7644 define."}
}

// Each distinct notice is reported once, up to a number that fits in an event.
const (
	maxNotices    = 32
	maxNoticeName = 128
)

// Notices collects what was tolerated in one request.
type Notices []Notice

// Add adds a notice, once.
func (n *Notices) Add(kind, attribute string) { n.AddInstead(kind, attribute, "") }

// AddInstead adds a notice with the right spelling.
func (n *Notices) AddInstead(kind, attribute, spelling string) {
	notice := Notice{Kind: kind, Attribute: NoticeName(attribute), Instead: spelling}
	if len(*n) < maxNotices && !slices.Contains(*n, notice) {
		*n = append(*n, notice)
	}
}

// NoticeName returns a name of a request in a form that is safe to print.
func NoticeName(name string) string {
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
