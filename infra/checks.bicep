// What the types cannot say of a value. Azure would take what is refused here, and then the app would not start, or no
// browser would get an answer.

var digits = '0123456789'
var letters = 'abcdefghijklmnopqrstuvwxyz'

@description('Whether a text has no other characters than these.')
func hasOnly(text string, characters string) bool =>
  empty(filter(range(0, length(text)), i => !contains(characters, substring(text, i, 1))))

@export()
@description('Whether a text has none of these characters.')
func hasNone(text string, characters string) bool =>
  empty(filter(range(0, length(text)), i => contains(characters, substring(text, i, 1))))

@export()
@description('Whether it is what Azure takes for the name of a resource group.')
func isGroupName(text string) bool => hasOnly(toLower(text), '${letters}${digits}-_.()') && !endsWith(text, '.')

@description('Whether it is the host of an address in lower case, with or without a port.')
func isHost(text string) bool =>
  !empty(split(text, ':')[0]) && hasOnly(split(text, ':')[0], '${letters}${digits}.-') && (!contains(text, ':') || isPort(join(
    skip(split(text, ':'), 1),
    ':'
  )))

@description('Whether it is the number of a port.')
func isPort(text string) bool => !empty(text) && length(text) < 6 && hasOnly(text, digits)

@export()
@description('Whether it is an https address without user name, query or fragment, which shared/config.ts refuses.')
func isHttpsAddress(text string) bool =>
  startsWith(toLower(text), 'https://') && isHost(toLower(split(text, '/')[?2] ?? '')) && hasNone(text, '?#<>\\ ')

@export()
@description('Whether it is an origin as browsers send it: in lower case, without a path or the default port.')
func isOrigin(text string) bool =>
  length(split(text, '/')) == 3 && isHost(split(text, '/')[?2] ?? '') && (startsWith(text, 'https://') || startsWith(
    text,
    'http://localhost:'
  )) && !endsWith(text, ':443')

@export()
@description('Whether it is one mail address.')
func isMailAddress(text string) bool =>
  length(split(text, '@')) == 2 && !startsWith(text, '@') && !endsWith(text, '@') && hasNone(text, ' ,;<>')
