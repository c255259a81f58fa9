// The sandbox worker: waits for the one session that this sandbox is for, then hands it to Anthropic's official worker.
//
// It is the entrypoint of the sandbox image. It knows the session gateway's address (ANTHROPIC_BASE_URL) and nothing else;
// what it is handed opens this session only, at this gateway only, from this sandbox's address only.
//
// Exit code: 0 the session was served to its end, or a signal came before one was bound; 1 serving it failed;
// 2 the gateway refused to hand the item out: another process in this sandbox took it first.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/lib/environments"
	"github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/anthropics/anthropic-sdk-go/v2/tools/agenttoolset"
	"golang.org/x/sys/unix"
)

const (
	workdir     = "/workspace"
	pollTimeout = 60 * time.Second       // the gateway answers within 30 s
	retryPause  = 250 * time.Millisecond // while the gateway is away
)

type item struct {
	EnvironmentID  string  `json:"environment_id"`
	SessionID      string  `json:"session_id"`
	WorkID         string  `json:"work_id"`
	WorkSecret     string  `json:"work_secret"`
	MaxIdleSeconds float64 `json:"max_idle_seconds"`
}

func main() {
	// The agent's commands run under this process's uid: without this they could read its memory for the item's secret.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		log.Fatalf("closing this process's memory to others: %v", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	shell := make(chan anthropic.BetaTool, 1)
	go func() { shell <- startShell(ctx) }()
	// No proxy: the gateway is reached directly, whatever the environment says for the agent's commands.
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: false}}
	work, taken := wait(ctx, client, os.Getenv("ANTHROPIC_BASE_URL")+"/domicile/v1/item")
	if taken {
		os.Exit(2)
	}
	if work != nil && serve(ctx, client, work, shell) != nil {
		os.Exit(1)
	}
}

// wait asks for the item until there is one; nil when a signal came first.
func wait(ctx context.Context, client *http.Client, url string) (work *item, taken bool) {
	for ctx.Err() == nil {
		work, status, err := ask(ctx, client, url)
		switch {
		case err == nil && status == http.StatusOK:
			return work, false
		case err == nil && status == http.StatusConflict:
			log.Print("the item of this sandbox was already taken")
			return nil, true
		case err == nil && status == http.StatusNoContent:
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
	return nil, false
}

func ask(ctx context.Context, client *http.Client, url string) (*item, int, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("ANTHROPIC_BASE_URL: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, response.StatusCode, nil
	}
	work := &item{}
	return work, response.StatusCode, json.NewDecoder(response.Body).Decode(work)
}

// startShell gives the toolset's bash with its shell running: it needs nothing of a session's, and on a PTY it takes its time to start.
func startShell(ctx context.Context) anthropic.BetaTool {
	bash := agenttoolset.BetaBashTool(&agenttoolset.AgentToolContext{Workdir: workdir})
	if _, err := bash.Execute(ctx, json.RawMessage(`{"command":":"}`)); err != nil {
		log.Printf("starting a shell ahead: %v", err) // the session's first command starts one
	}
	return bash
}

// toolset is the official one, with the shell that was started ahead.
func toolset(env *agenttoolset.AgentToolContext, shell anthropic.BetaTool) []anthropic.BetaTool {
	tools := agenttoolset.BetaAgentToolset20260401(env)
	for i, tool := range tools {
		if tool.Name() == shell.Name() {
			tools[i] = shell
		}
	}
	return tools
}

func serve(ctx context.Context, client *http.Client, work *item, shell <-chan anthropic.BetaTool) error {
	idle := time.Duration(work.MaxIdleSeconds * float64(time.Second))
	worker := environments.NewEnvironmentWorker(
		anthropic.NewClient(option.WithHTTPClient(client)),
		environments.EnvironmentWorkerOptions{
			Workdir:   workdir,
			MaxIdle:   &idle,
			ToolsFunc: func(env *agenttoolset.AgentToolContext) []anthropic.BetaTool { return toolset(env, <-shell) },
		},
	)
	err := worker.HandleItem(ctx, environments.HandleItemOptions{
		WorkID: work.WorkID, EnvironmentID: work.EnvironmentID, SessionID: work.SessionID, WorkSecret: work.WorkSecret,
	})
	if err != nil {
		log.Printf("session %s: %v", work.SessionID, err)
	}
	return err
}
