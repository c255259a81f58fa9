// The official Go SDK's environment worker, as it comes. Arguments: work directory, seconds after which an idle session is let go.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	anthropic "github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/lib/environments"
	"github.com/anthropics/anthropic-sdk-go/v2/option"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	key := os.Getenv("ANTHROPIC_ENVIRONMENT_KEY")
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil {
		slog.Error("seconds of idleness", "error", err)
		os.Exit(2)
	}
	idle := time.Duration(seconds * float64(time.Second))
	worker := environments.NewEnvironmentWorker(anthropic.NewClient(option.WithAuthToken(key)), environments.EnvironmentWorkerOptions{
		EnvironmentID:  os.Getenv("ANTHROPIC_ENVIRONMENT_ID"),
		EnvironmentKey: key,
		Workdir:        os.Args[1],
		MaxIdle:        &idle,
	})
	if err := worker.Run(ctx); err != nil && ctx.Err() == nil {
		slog.Error("worker ended", "error", err)
		os.Exit(1)
	}
}
