// Package webhook delivers events to the application's endpoints over HTTPS: signed as the
// Standard Webhooks specification says, in order for each user and group, again until the
// endpoint acknowledges them or the attempts end.
//
// It knows neither how events are stored nor AWS.
package webhook
