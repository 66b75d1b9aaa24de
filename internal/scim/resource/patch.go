package resource

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// PatchOp is the kind of an operation of a PATCH. RFC 7644 §3.5.2
type PatchOp string

// The operations.
const (
	OpAdd     PatchOp = "add"
	OpReplace PatchOp = "replace"
	OpRemove  PatchOp = "remove"
)

// Operation is one operation of a PATCH as it was sent.
type Operation struct {
	Op PatchOp
	// Path is empty if the value names the attributes itself.
	Path string
	// Value is the value as DecodeJSON returns it; nil if there is none.
	Value any
	// Number is the operation's position in the request, from 1, for error
	// details.
	Number int
	// named reports, for an operation that Split created, that the path was a
	// name inside a value. Read-only attributes are ignored there without an
	// error.
	named bool
	// inText reports that the value was decoded from JSON in a string.
	inText bool
}

// Patch is a decoded PATCH request. RFC 7644 §3.5.2
type Patch struct {
	Operations []Operation
	notices    scim.Notices
}

// DecodePatch decodes the body of a PATCH. It checks the form of the request;
// Apply decides what paths and values mean. A PATCH without operations is
// accepted. RFC 7644 §3.5.2
func DecodePatch(body []byte) (*Patch, error) {
	object, err := scim.DecodeObject(body)
	if err != nil {
		return nil, err
	}
	p := &Patch{}
	if err := p.notices.CheckSchemas(scim.Member(object, "schemas"), scim.PatchURN, scim.NoExtension); err != nil {
		return nil, err
	}
	list, ok := scim.Member(object, "Operations").([]any)
	if !ok {
		return nil, &scim.Error{Type: scim.InvalidSyntax, Detail: "Operations must be an array of operations."}
	}
	if len(list) > scim.MaxOperations {
		return nil, &scim.Error{Type: scim.TooMany, Detail: fmt.Sprintf(
			"The PATCH has %d operations: at most %d at a time. Send the rest in further requests.",
			len(list), scim.MaxOperations)}
	}
	if len(list) == 0 {
		p.notices.Add(scim.NoticeNoOperations, "Operations")
	}
	p.Operations = make([]Operation, len(list))
	for i, v := range list {
		if p.Operations[i], err = p.operation(v); err != nil {
			return nil, scim.InOperation(i+1, err)
		}
		p.Operations[i].Number = i + 1
	}
	return p, nil
}

// operation decodes one operation. Members other than op, path and value are
// ignored: internal/e2e/replay entra-g16-op-extra-key.
func (p *Patch) operation(v any) (Operation, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return Operation{}, &scim.Error{Type: scim.InvalidSyntax, Detail: "an operation must be an object, not " + scim.KindOf(v) + "."}
	}
	var o Operation
	name, _ := scim.Member(object, "op").(string)
	switch o.Op = PatchOp(scim.LowerName(name)); o.Op {
	case OpAdd, OpReplace, OpRemove:
	default:
		return Operation{}, &scim.Error{Type: scim.InvalidSyntax, Detail: "op must be add, replace or remove."}
	}
	if name != string(o.Op) {
		p.notices.Add(scim.NoticeOperationCase, "op")
	}
	switch path := scim.Member(object, "path").(type) {
	case nil:
	case string:
		o.Path = strings.TrimSpace(path)
	default:
		return Operation{}, &scim.Error{Type: scim.InvalidSyntax, Detail: "path must be a string, not " + scim.KindOf(path) + "."}
	}
	if o.Path == "" && o.Op == OpRemove {
		return Operation{}, &scim.Error{Type: scim.NoTarget, Detail: "remove needs a path: say which attribute to remove."}
	}
	value, sent := scim.LookupMember(object, "value")
	if !sent && o.Op != OpRemove {
		return Operation{}, &scim.Error{Type: scim.InvalidValue, Detail: string(o.Op) + " needs a value; to remove the value, send null."}
	}
	o.Value = value
	if o.Path != "" {
		return o, nil
	}
	c := coercer{notices: p.notices}
	object, err := c.attributesOf("value", value)
	if err != nil {
		return Operation{}, &scim.Error{Type: scim.InvalidValue, Detail: "without a path, " + detailOf(err)}
	}
	o.Value, o.inText, p.notices = object, c.inText, c.notices
	return o, nil
}

func detailOf(err error) string {
	var e *scim.Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return err.Error()
}
