"""What the layer's botocore takes to be there, without a client."""

import botocore.session

session = botocore.session.get_session()
