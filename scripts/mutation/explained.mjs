// Changes that no test can notice, each with the reason. `find` is the whole text that was changed, as in the report.

export const explained = [];
