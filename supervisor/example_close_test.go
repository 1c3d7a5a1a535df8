package supervisor_test

import (
	"context"
	"fmt"

	"github.com/taskvisor/taskvisor/supervisor"
)

// mailer keeps its connection from one attempt to the next.
type mailer struct{ connection string }

func (m *mailer) Run(context.Context) error {
	if m.connection != "" {
		fmt.Println("sent over the", m.connection)
		return nil
	}
	m.connection = "first connection"
	return fmt.Errorf("the server was busy")
}

// Close is called once, after the last attempt.
func (m *mailer) Close() error {
	fmt.Println("closed the", m.connection)
	return nil
}

// A body that keeps something open between its attempts is told when the last one is over.
func ExampleCloser() {
	s, err := supervisor.New(supervisor.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mail := supervisor.Restartable("mail", &mailer{})
	mail.Backoff.First = supervisor.None
	err = s.Run(context.Background(), mail)
	fmt.Println(err)
	// Output:
	// sent over the first connection
	// closed the first connection
	// <nil>
}
