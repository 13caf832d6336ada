// What several files ask of a value, said once.

@export()
@description('What the API is told by its settings.')
type api = {
  @description('The address of the identity service: https.')
  identityBaseUrl: string

  @description('The cards that may use the API: a comma list of their actionPackageIds.')
  allowedCardIds: string

  @description('The origins of the web pages that may call the API. `*` is refused.')
  allowedOrigins: string[]

  @description('How long a verdict on a token may be cached, in seconds.')
  @minValue(1)
  @maxValue(1800)
  tokenCacheTtlSeconds: int

  @description('How long one attempt at the identity service may take, in milliseconds.')
  @minValue(100)
  @maxValue(2500)
  identityTimeoutMs: int
}

@export()
@description('What the app runs on, and on how much of it.')
type scale = {
  @description('A Node.js version that Azure supports. `.nvmrc` says which one this repository deploys.')
  nodeVersion: '22' | '24'

  @description('The memory of one instance, in MB. Its share of a processor grows with it.')
  instanceMemoryMB: 512 | 2048 | 4096

  @description('The most instances that may run at a time.')
  @minValue(40)
  @maxValue(1000)
  maximumInstanceCount: int

  @description('Instances for HTTP that run, and cost, all the time.')
  @minValue(0)
  @maxValue(1000)
  alwaysReadyHttpInstances: int

  @description('How many HTTP requests one instance serves at a time.')
  @minValue(1)
  @maxValue(1000)
  httpConcurrency: int
}

@export()
@description('The names of all resources, known before any is made.')
type names = {
  @description('The identity that the app runs as.')
  identity: string
  @description('The Log Analytics workspace.')
  workspace: string
  @description('The Application Insights component.')
  insights: string
  @description('The storage account.')
  storage: string
  @description('The vault.')
  keyVault: string
  @description('The virtual network.')
  network: string
  @description('The plan.')
  plan: string
  @description('The function app.')
  functionApp: string
}
