// Package auth decides who may hear what, as Laravel's routes/channels.php
// does, and signs the answer that pusher-js and laravel-echo send on.
package auth
