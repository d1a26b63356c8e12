// SPDX-License-Identifier: MIT

// Consul as its own main() is: that cannot be built by "go install", as its go.mod replaces modules
// by directories.
package main

import (
	"io"
	"log"
	"os"

	"github.com/hashicorp/consul/command"
	"github.com/hashicorp/consul/command/cli"
	_ "github.com/hashicorp/consul/service_os"
	mcli "github.com/mitchellh/cli"
)

func main() {
	log.SetOutput(io.Discard)
	ui := &cli.BasicUI{
		BasicUi: mcli.BasicUi{Writer: os.Stdout, ErrorWriter: os.Stderr},
	}
	program := mcli.CLI{
		Args:        os.Args[1:],
		Commands:    command.RegisteredCommands(ui),
		Name:        "consul",
		HelpWriter:  os.Stdout,
		ErrorWriter: os.Stderr,
	}
	status, err := program.Run()
	if err != nil {
		ui.Error(err.Error())
	}
	os.Exit(status)
}
