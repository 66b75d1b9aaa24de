package lambdaqueue

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type worker struct {
	bodies    []string
	scheduled int
	failed    []int
	err       error
}

func (w *worker) Messages(_ context.Context, bodies []string) []int {
	w.bodies = bodies
	return w.failed
}

func (w *worker) Scheduled(context.Context) error {
	w.scheduled++
	return w.err
}

const batch = `{"Records": [
	{"messageId": "m-1", "body": "w1", "eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": "1"}},
	{"messageId": "m-2", "body": "w2", "eventSource": "aws:sqs"},
	{"messageId": "m-3", "body": "", "eventSource": "aws:sqs"}]}`

func TestInvoke_AnswersWhichMessagesFailed(t *testing.T) {
	for want, failed := range map[string][]int{
		`{"batchItemFailures":[]}`: nil,
		`{"batchItemFailures":[{"itemIdentifier":"m-1"},{"itemIdentifier":"m-3"}]}`: {0, 2},
	} {
		w := &worker{failed: failed}
		answer, err := serve(t.Context(), w, []byte(batch))
		require.NoError(t, err)
		assert.JSONEq(t, want, string(answer))
		assert.Equal(t, []string{"w1", "w2", ""}, w.bodies)
		assert.Zero(t, w.scheduled)
	}
}

// A batch without messages is no event of the schedule.
func TestInvoke_AnswersAnEmptyBatch(t *testing.T) {
	w := &worker{}
	answer, err := serve(t.Context(), w, []byte(`{"Records": []}`))
	require.NoError(t, err)
	assert.JSONEq(t, `{"batchItemFailures":[]}`, string(answer))
	assert.Zero(t, w.scheduled)
}

func TestInvoke_ServesTheSchedule(t *testing.T) {
	w := &worker{}
	answer, err := serve(t.Context(), w, []byte(`{"detail-type": "Scheduled Event", "source": "aws.events"}`))
	require.NoError(t, err)
	assert.Equal(t, "null", string(answer))
	assert.Equal(t, 1, w.scheduled)
	assert.Nil(t, w.bodies)

	w.err = errors.New("the table cannot be reached")
	_, err = serve(t.Context(), w, []byte(`{}`))
	require.ErrorIs(t, err, w.err)
}

func TestInvoke_RefusesAnotherPayload(t *testing.T) {
	for _, payload := range []string{``, `[]`, `"text"`, `{"Records": 1}`} {
		w := &worker{}
		_, err := serve(t.Context(), w, []byte(payload))
		require.Error(t, err, payload)
		assert.Zero(t, w.scheduled, payload)
	}
}
