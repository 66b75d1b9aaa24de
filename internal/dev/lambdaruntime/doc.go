// Package lambdaruntime runs the binary of a Lambda function on this machine,
// as Lambda does: a process with Lambda's variables, which requests one event
// after another from a runtime API and posts its answers there.
//
// It is for development and tests, and is never linked into a function. It
// replaces Lambda: it knows processes, payloads and log lines, and nothing of
// what a function does with them. It has no API Gateway, no extension API, no
// freezing between invocations, and no limit of memory or processor; responses
// are not streamed.
package lambdaruntime
