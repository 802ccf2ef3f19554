/* eslint no-unused-vars: "off" -- the app reads this global */
var interfaceConfig = { APP_NAME: "Meeting" };
