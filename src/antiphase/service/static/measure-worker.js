/* The arithmetic of a measurement, off the page's thread. */

import { exponentialSweep, identifySweep, roundTrip } from "./identify.js";
import { planHere } from "./plan.js";

const tasks = {
  roundTrip: ({ probe, recording, fs }) => roundTrip(probe, recording, fs),
  identify: ({ fs, settings, recording, nTaps }) => identifySweep(exponentialSweep(fs, settings), recording, nTaps),
  plan: (heard) => planHere(heard),
};

onmessage = ({ data: { task, ...given } }) => {
  try {
    postMessage({ result: tasks[task](given) });
  } catch (error) {
    postMessage({ failed: error.message });
  }
};
