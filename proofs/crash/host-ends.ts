/**
 * Ends one of two instances in a storm of notes, and starts another in its place: by SIGKILL, as a machine that fails, or
 * by SIGTERM, as whoever stops it in good order. The clients turn to the other instance at once, while what the dead one
 * began may still be on its way into the table.
 */
import { unless } from './finding';
import { type Attempt, isUnanswered } from './placed-note';
import { playRound, type Round, type Struck } from './rounds';
import type { Stand } from './stand';

export const ENDED_WELL = 'The host ended (exit code 0).';

export function killHost(stand: Stand, round: Round): Promise<Struck> {
  return playRound(stand, round, isUnanswered, async (storm) => {
    const gone = stand.instances[round.victim].kill('SIGKILL');
    await Promise.all([storm.calm(), gone.then(() => stand.replace(round.victim))]);
  });
}

/** What an instance has begun by then, it answers. What it has not read, the clients send to the other one. */
export async function stopHost(stand: Stand, round: Round): Promise<Struck> {
  const { url, lines, kill } = stand.instances[round.victim];
  const linesBefore = lines.length;
  let sentence = '';
  const isOfVictim = (attempt: Attempt) => attempt.url === url;
  const struck = await playRound(stand, round, isOfVictim, async (storm) => {
    const gone = kill('SIGTERM');
    await storm.calm();
    sentence = await gone;
    await stand.replace(round.victim);
  });

  const begun = lines.slice(linesBefore).filter((line) => line.startsWith("Executing 'Functions.notes-create'")).length;
  const attempts = struck.notes.flatMap((note) => note.attempts).filter(isOfVictim);
  const answered = attempts.filter((attempt) => !isUnanswered(attempt)).length;
  const findings = [
    ...unless(sentence === ENDED_WELL, 'wrong', `${round.name}: ${sentence}`),
    ...unless(begun === answered, 'wrong', `${round.name}: of ${begun} requests begun, ${answered} were answered`),
  ];
  return { ...struck, findings };
}
