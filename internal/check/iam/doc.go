// Package iam reads what template.yaml allows each function to do with the
// table, and compares it with what the code does: a call without a grant would
// be refused only in AWS, and an unused grant is too much.
//
// It is for tests. It knows only as much of IAM as the template uses: Allow
// statements with actions and patterns of leading keys.
package iam
