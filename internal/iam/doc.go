// Package iam reads what template.yaml allows each function to do with the table,
// and compares it with what the code does: a call that is not granted would be
// refused in AWS and nowhere else, and a grant that nothing uses is one too many.
//
// It is for tests. It knows as much of IAM as the template uses of it: Allow
// statements with actions and patterns of leading keys.
package iam
