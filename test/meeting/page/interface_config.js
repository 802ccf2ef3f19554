var interfaceConfig = { APP_NAME: "Meeting" };
