// Package cli is what all of Recount's programs have in common on the command line: one way to stop, to fail, to be
// configured, to log and to explain themselves.
//
//	func main() { os.Exit(cli.Main(context.Background(), command())) }
//
// A command's configuration is a plain struct that names its flags and can say everything that is wrong with it. Each
// flag can also be a variable, or a key in a file: flags win over variables, which win over the file.
//
// It knows no role, opens no connection of its own but to see whether anybody answers, and reads no variable that is not
// a flag.
package cli
