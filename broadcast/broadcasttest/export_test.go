package broadcasttest

// Closest is closest for tests.
var Closest = closest
