// Browsers start, stop and encode at the pace of whatever else the machine does: five seconds are no verdict on them.
jest.setTimeout(60_000);
