/** Reads Kusto queries with Microsoft's own parser, under the schema of Log Analytics. */
// The order matters: both files set globals and export nothing, and the second needs the first.
import '@kusto/language-service-next/bridge.min.js';
import '@kusto/language-service-next/Kusto.Language.Bridge.min.js';

/** Of each table, the columns that a query may use: as documented, fewer than there are. */
const schema = {
  AppTraces: `(TimeGenerated: datetime, Message: string, Properties: dynamic, SeverityLevel: int, OperationId: string,
    OperationName: string, ItemCount: int, AppRoleInstance: string, AppRoleName: string)`,
  AppRequests: `(TimeGenerated: datetime, Id: string, Name: string, ResultCode: string, Success: bool, DurationMs: real,
    OperationId: string, OperationName: string, ItemCount: int, AppRoleInstance: string, AppRoleName: string,
    Properties: dynamic, Url: string)`,
};

/** A list of .NET, as Bridge.NET translates it. */
interface List<T> {
  readonly Count: number;
  getItem(index: number): T;
}

/** What is used here of the parser; its own types are 1.7 MB of globals. Constructors are told apart by number. */
interface Language {
  readonly KustoCode: { ParseAndAnalyze(query: string, globals: unknown): Code };
  readonly GlobalState: { readonly Default: { WithDatabase(database: unknown): unknown } };
  readonly Symbols: {
    readonly TableSymbol: { readonly $ctor7: new (name: string, schema: string, description: null) => unknown };
    readonly DatabaseSymbol: { readonly ctor: new (name: string, members: unknown[]) => unknown };
  };
}

interface Code {
  GetDiagnostics(): List<{ readonly Start: number; readonly Message: string }>;
  readonly ResultType: { readonly Columns?: List<{ readonly Name: string }> } | null;
}

const { Kusto } = globalThis as unknown as { Kusto: { Language: Language } };
const { GlobalState, KustoCode, Symbols } = Kusto.Language;
const tables = Object.entries(schema).map(([name, columns]) => new Symbols.TableSymbol.$ctor7(name, columns, null));
const workspace = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('workspace', tables));

/** What is wrong with the query, with the line of each; empty when it is sound. */
export function diagnose(query: string): string[] {
  const found = toArray(KustoCode.ParseAndAnalyze(query, workspace).GetDiagnostics());
  return found.map(({ Start, Message }) => `line ${query.slice(0, Start).split('\n').length}: ${Message}`);
}

/** The names of the result's columns, in their order. */
export function outputColumns(query: string): string[] {
  const columns = KustoCode.ParseAndAnalyze(query, workspace).ResultType?.Columns;
  return columns === undefined ? [] : toArray(columns).map(({ Name }) => Name);
}

function toArray<T>(list: List<T>): T[] {
  return Array.from({ length: list.Count }, (_, index) => list.getItem(index));
}
