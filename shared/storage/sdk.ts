/** What is used of the Azure SDK's tables, in a module of its own so that it is loaded, and bundled, as one lazy part. */
export { createDefaultHttpClient } from '@azure/core-rest-pipeline';
export { TableClient } from '@azure/data-tables';
