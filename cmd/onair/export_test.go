package main

// Main and Run are the program and what it does without the process.
var (
	Main = main
	Run  = run
)
