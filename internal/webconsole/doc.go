// Package webconsole is Recount's console in a browser: how everything stands, an aggregate's time line, a saga's path, how
// far rebuilds are, and what came of one request. Pages are made on the server, of templates that are part of the program;
// a little script refreshes them and moves the slider, and everything works without it.
//
// It only shows. It takes GET and HEAD alone, asks a Source for what it shows, and knows neither brokers nor databases. It
// lets everybody in: whoever serves it puts a guard before it (ingest.Guard). What can't be asked is told on the page, and
// the rest is shown.
package webconsole
