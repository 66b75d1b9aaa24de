// Package lambdaruntime runs a Lambda function's own binary on this machine, as
// Lambda does: a process with Lambda's variables, which asks a runtime API for
// one event after another and posts its answers there.
//
// It is for development and tests, and is never linked into a function. It
// stands where Lambda stands: it knows processes, payloads and log lines, and
// nothing of what a function does with them. There is no API Gateway in it, no
// extension API, no freezing between invocations, no limit of memory or
// processor; responses are not streamed.
package lambdaruntime
