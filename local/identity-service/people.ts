/** The sample users of the stand-in. Their numbers are from the range that is reserved for fiction. */

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly phoneNumber: string;
  readonly pictureUrl: string;
}

export const people: Readonly<Record<string, Person>> = {
  asha: person('7d2f1c5e-0001-4000-8000-000000000001', 'Asha', '+12025550101', 'asha'),
  ben: person('7d2f1c5e-0002-4000-8000-000000000002', 'Ben', '+12025550102', 'ben'),
  chen: person('7d2f1c5e-0003-4000-8000-000000000003', 'Chen', '+12025550103', 'chen'),
};

function person(id: string, name: string, phoneNumber: string, picture: string): Person {
  return { id, name, phoneNumber, pictureUrl: `https://pictures.example/${picture}.png` };
}
