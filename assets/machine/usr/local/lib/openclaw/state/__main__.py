from openclaw.state.cli import main

raise SystemExit(main())
