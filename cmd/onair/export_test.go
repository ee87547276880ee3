package main

// Main and Run are the program and what it does without the process, and Serve
// is what answers.
var (
	Main  = main
	Run   = run
	Serve = serve
)
