//go:build kwok

package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"
)

func init() {
	programs["kwok"] = newKwokCommand
}

// newKwokCommand reads its configuration before the command line is parsed, as kwok's own main does.
func newKwokCommand() *cobra.Command {
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ := log.InitFlags(context.Background(), flags)
	ctx, err := config.InitFlags(ctx, flags)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	command := cmd.NewCommand(ctx)
	command.SetContext(ctx)
	// Kubernetes has put a --version of its own among the flags that all of them share.
	command.Version = ""
	command.PersistentFlags().AddFlagSet(flags)
	return command
}
